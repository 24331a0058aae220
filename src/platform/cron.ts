import { Cron } from 'croner';

/** What is wrong with a schedule, as `expected …` would go on; undefined when it is `off` or runs some day. */
export function cronProblem(text: string): string | undefined {
  const form = 'five fields such as `15 2 * * *` (minute, hour, day of month, month, day of week), or `off`';
  if (text === 'off') return undefined;
  try {
    const next = new Cron(text, { paused: true, mode: '5-part' }).nextRun();
    return next === null ? `a moment that comes (this one never does): ${form}` : undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : 'not readable';
    return `${form} (${reason})`;
  }
}
