import { runDemo } from '../demo/demo.ts';
import { exit } from '../kernel/errors.ts';
import { demoText } from './demo-text.ts';
import { flag } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle demo` */
export const verb = define({
  options: { keep: flag('--keep', 'leave the daemon and its database running until Ctrl-C') },
  examples: ['socle demo', 'socle demo --keep', 'socle demo --json'],
  about:
    'Makes a throw-away PostgreSQL with a sample database, backs it up, restores it onto an empty server, proves the copy\n' +
    'identical, then damages one value in a copy and shows the proof failing. Touches nothing else on this machine.\n' +
    'Exit code 0: the restore was proven, and the damage was found and named; 3: not.',
  async run({ keep }, { json, progress, signal }) {
    const shownEarly = keep && !json;
    const result = await runDemo({
      keep,
      progress,
      signal,
      onResult(ready) {
        progress.stop();
        if (shownEarly) process.stdout.write(demoText(ready));
      },
    });
    return {
      data: result,
      text: () => (shownEarly ? '' : demoText(result)),
      exit: result.ok ? exit.ok : exit.notProven,
    };
  },
});
