import { formatDuration } from '../src/kernel/units.ts';
import { databasePromises } from './database.ts';
import { type Outcome, print } from './measure.ts';
import { upPromise } from './up.ts';

/**
 * The promises about speed and size, each as a ratio against what a user would use instead, measured in one run on one
 * machine. BENCH_ONLY names the parts to measure (database,up); BENCH_QUICK=1 leaves out the database of four times the
 * size; BENCH_ROUNDS sets the repetitions (5, of `up` 3).
 */
const parts: Readonly<Record<string, () => Promise<readonly Outcome[]>>> = {
  database: databasePromises,
  up: upPromise,
};
const asked = process.env.BENCH_ONLY ? process.env.BENCH_ONLY.split(',') : Object.keys(parts);
const unknown = asked.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  process.stderr.write(
    `BENCH_ONLY: there is no ${unknown.join(', ')}; the parts are ${Object.keys(parts).join(', ')}\n`,
  );
  process.exit(2);
}

const began = performance.now();
const outcomes: Outcome[] = [];
try {
  for (const [name, measure] of Object.entries(parts)) if (asked.includes(name)) outcomes.push(...(await measure()));
} finally {
  // Also what was measured before a later part failed.
  print(`in ${formatDuration(performance.now() - began)}`);
  print('');
  outcomes.forEach(conclude);
}

function conclude(outcome: Outcome): void {
  if ('skipped' in outcome) {
    print(`bench ${outcome.name} skipped: ${outcome.skipped}`);
    return;
  }
  const { name, ratio, goal } = outcome;
  const kept = ratio <= goal;
  print(`bench ${name} ${ratio.toFixed(2)} ${goal.toFixed(2)} ${kept ? 'pass' : 'fail'}`);
  if (!kept) process.exitCode = 1;
}
