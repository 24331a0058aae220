import { exit, fail } from '../kernel/errors.ts';
import { start } from '../kernel/process.ts';
import { parseMachineName } from '../sandbox/names.ts';
import { sshCommand } from '../sandbox/ssh.ts';
import { readRecord } from '../sandbox/store.ts';
import { required, type Spec } from './options.ts';
import { verb as define } from './verb.ts';

const command: Spec<readonly string[]> = {
  flags: '[command...]',
  description: 'run this instead of a shell',
  fallback: [],
};

/** `socle sandbox ssh` */
export const verb = define({
  options: { name: required('<name>', 'name of the machine'), command },
  examples: ['socle sandbox ssh try', 'socle sandbox ssh try -- sudo systemctl --failed'],
  about: 'Opens a shell as the user `debian` (who may sudo), from where the operator sits.',
  async run({ name, command }, session) {
    const machine = await readRecord(parseMachineName(name));
    if (!machine) throw fail('not-found', `no machine called ${name} runs`, { name, next: `socle sandbox up ${name}` });
    session.progress.stop();
    const [file, ...args] = sshCommand(machine, command);
    const env = { TERM: process.env.TERM };
    const { exitCode } = await start(file, args, { stdio: ['inherit', 'inherit', 'inherit'], env }).ended;
    return { data: { exitCode }, text: '', exit: exitCode === 0 ? exit.ok : exit.unavailable };
  },
});
