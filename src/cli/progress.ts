import ora, { type Ora } from 'ora';
import { type Progress, silent } from '../kernel/progress.ts';
import { formatDuration, formatSize } from '../kernel/units.ts';

export interface TerminalProgress extends Progress {
  /** Takes the spinner off the screen. What comes after it may print. */
  stop(): void;
}

/**
 * Draws on standard error when that is a terminal; otherwise nothing is drawn at all. Nor on a terminal without a width,
 * as some containers and CI systems give: ora would clear endless lines of it.
 */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): TerminalProgress {
  if (!stream.isTTY || !(stream.columns > 0) || process.env.TERM === 'dumb') return { ...silent, stop: () => {} };
  let spinner: Ora | undefined;
  let title = '';
  let began = 0;
  const finish = () => {
    spinner?.succeed(`${title}  ${formatDuration(performance.now() - began)}`);
    spinner = undefined;
  };
  return {
    step(text) {
      finish();
      title = text;
      began = performance.now();
      spinner = ora({ text, stream, discardStdin: false, hideCursor: true }).start();
    },
    update(done, total, unit = 'items') {
      if (spinner) spinner.text = `${title}  ${howFar(done, total, unit)}`;
    },
    note(text) {
      if (spinner) {
        spinner.clear();
        stream.write(`  ${text}\n`);
        spinner.render();
      } else stream.write(`  ${text}\n`);
    },
    stop() {
      spinner?.stop();
      spinner = undefined;
    },
  };
}

/** `1.2 GiB of 3.4 GiB (35 %)`, `17 of 40`. */
function howFar(done: number, total: number | undefined, unit: 'bytes' | 'items'): string {
  const show = (value: number) => (unit === 'bytes' ? formatSize(value) : String(value));
  if (total === undefined || total <= 0) return show(done);
  const percent = Math.min(100, Math.floor((done / total) * 100));
  return `${show(done)} of ${show(total)} (${percent} %)`;
}
