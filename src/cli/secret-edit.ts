import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { start } from '../kernel/process.ts';
import { identitiesFrom } from '../secrets/identities.ts';
import { replaceContent } from '../secrets/store.ts';
import { file, identity } from './secret-options.ts';
import { verb as define } from './verb.ts';

/** In memory where the machine has a /dev/shm: a clear text on a disk can come back. */
const memory = () => mkdtemp(join('/dev/shm', 'socle-')).catch(() => mkdtemp(join(tmpdir(), 'socle-')));

/** Lets the operator's editor change a text. @throws `usage` when the editor fails: nothing is written then */
async function inEditor(name: string, clear: string): Promise<string> {
  const directory = await memory();
  const path = join(directory, name);
  try {
    await writeFile(path, clear, { mode: 0o600 });
    const editor = process.env.VISUAL ?? process.env.EDITOR ?? 'vi';
    const args = ['-c', `${editor} "$1"`, 'sh', path];
    const env = { TERM: process.env.TERM };
    const { exitCode } = await start('sh', args, { stdio: ['inherit', 'inherit', 'inherit'], env }).ended;
    if (exitCode !== 0) throw fail('usage', `the editor (${editor}) ended with ${exitCode}: nothing was changed`);
    return await readFile(path, 'utf8');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** `socle secret edit` */
export const verb = define({
  options: { file, identity },
  examples: ['EDITOR=nano socle secret edit secrets/host.yaml'],
  about: 'Opens the document in clear in $VISUAL or $EDITOR (in memory where /dev/shm is), and encrypts what changed.',
  async run({ file, identity }, session) {
    session.progress.stop();
    const identities = identitiesFrom(identity);
    const changed = await replaceContent(
      file,
      (clear) => inEditor(basename(file), clear),
      identities,
      session.clock.now(),
    );
    return { data: { file, changed }, text: changed ? `${file} is encrypted again.` : 'Nothing changed.' };
  },
});
