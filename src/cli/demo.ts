import { runDemo } from '../demo/demo.ts';
import { exit } from '../kernel/errors.ts';
import { demoText } from './demo-text.ts';
import { flag } from './options.ts';
import type { Answer } from './verb.ts';
import { verb as define } from './verb.ts';

/** `socle demo` */
export const verb = define({
  options: { keep: flag('--keep', 'leave the daemon and its database running until Ctrl-C') },
  examples: ['socle demo', 'socle demo --keep'],
  about:
    'Starts a throw-away PostgreSQL with a sample database, backs it up, restores and proves it, damages one value in a\n' +
    'restored copy and lets the proof find it. Nothing of yours is touched, and nothing is left behind.\n' +
    'Exit code 0: the restore was proven and the damage was found.',
  async run({ keep }, session) {
    const { progress, signal } = session;
    let shown: Promise<void> | undefined;
    const answerOf = (result: Parameters<typeof demoText>[0]): Answer => ({
      data: result,
      text: () => demoText(result),
      exit: result.ok ? exit.ok : exit.notProven,
    });
    const result = await runDemo({
      keep,
      progress,
      signal,
      onResult: (result) => {
        shown = session.show(answerOf(result));
      },
    });
    await shown;
    return { ...answerOf(result), shown: true };
  },
});
