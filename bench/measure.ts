import { run, start } from '../src/kernel/process.ts';

/** One promise: a ratio against what a user would use instead, and its goal. */
export interface Promised {
  readonly name: string;
  readonly ratio: number;
  readonly goal: number;
}

/** One that could not be measured on this machine, and why. */
export interface Skipped {
  readonly name: string;
  readonly skipped: string;
}

export type Outcome = Promised | Skipped;

/** How often both sides run: `$BENCH_ROUNDS`, else as said. */
export const roundsOr = (usual: number): number => Number(process.env.BENCH_ROUNDS ?? usual);

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}

/**
 * The median of the rounds' ratios: each round has both sides, one right after the other, so that a machine that gets
 * slower or faster meanwhile does so for both.
 */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/**
 * Runs both in turns, each first in every other round, so that neither gains from what changes meanwhile; and neither
 * begins before the disk has what the other one wrote.
 */
export async function interleaved(
  rounds: number,
  first: (round: number) => Promise<void>,
  second: (round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const work of round % 2 === 0 ? [first, second] : [second, first]) {
      await run('sync', []);
      await work(round);
    }
  }
}

/** Milliseconds that a line of bash takes, as a user would write it. */
export async function shell(line: string, env: Readonly<Record<string, string>>): Promise<number> {
  const began = performance.now();
  const child = start('bash', ['-euo', 'pipefail', '-c', line], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const { exitCode } = await child.ended;
  if (exitCode !== 0) throw new Error(`bash ended with ${exitCode}: ${line}`);
  return performance.now() - began;
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;

/** A line for people: what was measured, each time and the median. */
export function say(what: string, times: readonly number[]): void {
  const each = times.length > 1 ? `  (${times.map(seconds).join(', ')})` : '';
  print(`  ${what.padEnd(52)} ${seconds(median(times))}${each}`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
