import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

const mb = 2 ** 20;

/** Whether a reading may go on at once. */
async function goesOn(step: Promise<void>): Promise<boolean> {
  return Promise.race([step.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);
}

test('a reading waits while it is too far ahead of the one that it follows', async () => {
  const pace = new Pace();
  expect(await goesOn(pace.follow(8 * mb))).toBe(true);
  const step = pace.follow(mb);
  expect(await goesOn(step)).toBe(false);
  pace.lead(mb - 1);
  expect(await goesOn(step)).toBe(false);
  pace.lead(1);
  expect(await goesOn(step)).toBe(true);
});

test('it waits for nothing once the other one has ended', async () => {
  const pace = new Pace();
  const step = pace.follow(99 * mb);
  expect(await goesOn(step)).toBe(false);
  pace.end();
  expect(await goesOn(step)).toBe(true);
  expect(await goesOn(pace.follow(99 * mb))).toBe(true);
});
