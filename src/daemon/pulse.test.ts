import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { createLog } from '../kernel/log.ts';
import { type Fault, Pulses } from './pulse.ts';

const log = createLog('silent');
let pulses: Pulses;
/** Work that hangs until the test is over. */
const release: Array<() => void> = [];
const hang = () => new Promise<void>((resolve) => release.push(resolve));
let fault: Fault;

beforeEach(() => {
  fault = () => {};
  pulses = new Pulses({ clock: systemClock, log, fault: (name, signal) => fault(name, signal) });
});
afterEach(async () => {
  fault = () => {};
  const stopped = pulses.stop();
  for (const one of release.splice(0)) one();
  await stopped;
});

const stateOf = (name: string) => pulses.list().find((one) => one.name === name);

test('a pulse outlives what its work throws, at once or later, and shows it while it lasts', async () => {
  let runs = 0;
  const count = () => {
    runs += 1;
  };
  const throws: Fault[] = [
    () => {
      throw new Error('at once');
    },
    async () => {
      throw new Error('later');
    },
    () => Promise.reject('no error at all'),
  ];
  pulses.add({ name: 'x', everyMs: 1, deadlineMs: 1_000, work: () => count() });
  for (const [index, reason] of ['at once', 'later', 'no error at all'].entries()) {
    await vi.waitFor(() => expect(stateOf('x')?.failing).toBeNull());
    fault = throws[index] as Fault;
    await vi.waitFor(() => expect(stateOf('x')?.failing).toMatchObject({ reason }));
    fault = () => {};
    const before = runs;
    await vi.waitFor(() => expect(runs).toBeGreaterThan(before));
  }
});

test('work that hangs past its deadline is left behind; it runs again beside the lost one, but not beside many', async () => {
  let begun = 0;
  let lost = true;
  pulses.add({
    name: 'x',
    everyMs: 1,
    deadlineMs: 5,
    work: () => {
      begun += 1;
      return lost && begun !== 3 ? hang() : undefined;
    },
  });
  await vi.waitFor(() => expect(stateOf('x')?.failing?.reason).toBe('3 runs before this one still hang'));
  expect(begun).toBe(4);
  const before = begun;
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(begun).toBe(before);
  lost = false;
  for (const one of release.splice(0)) one();
  await vi.waitFor(() => expect(stateOf('x')?.failing).toBeNull());
});

test('what heeds its deadline can be repeated for ever', async () => {
  let begun = 0;
  pulses.add({
    name: 'x',
    everyMs: 1,
    deadlineMs: 5,
    work: (signal) => {
      begun += 1;
      return new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  });
  await vi.waitFor(() => expect(begun).toBeGreaterThan(5));
});

test('when even the question how long to wait fails, the pulse goes on', async () => {
  pulses = new Pulses({ clock: systemClock, log, pace: 60_000 });
  let [runs, broken] = [0, true];
  const count = () => {
    runs += 1;
  };
  const everyMs = () => {
    if (broken) throw new Error('the store is locked');
    return 60_000;
  };
  pulses.add({ name: 'x', everyMs, deadlineMs: 60_000_000, work: () => count() });
  await vi.waitFor(() => expect(runs).toBeGreaterThan(2));
  broken = false;
  await vi.waitFor(() => expect(stateOf('x')?.failing).toBeNull());
});

test('what is due once a day is tried again within a minute when it failed', async () => {
  // A minute is 10 ms here, a day 14 s.
  pulses = new Pulses({ clock: systemClock, log, pace: 6_000, fault: (name, signal) => fault(name, signal) });
  let runs = 0;
  const count = () => {
    runs += 1;
  };
  fault = () => {
    throw new Error('the disk is full');
  };
  pulses.add({ name: 'x', everyMs: 86_400_000, deadlineMs: 6e6, work: () => count() });
  await vi.waitFor(() => expect(stateOf('x')?.failing).not.toBeNull());
  fault = () => {};
  await vi.waitFor(() => expect(runs).toBe(1));
});

test('stopping asks all work to end, and says what does not', async () => {
  let heard = false;
  pulses.add({
    name: 'polite',
    everyMs: 1,
    deadlineMs: 60_000,
    work: (signal) =>
      new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => {
          heard = true;
          resolve();
        }),
      ),
  });
  pulses.add({ name: 'stuck', everyMs: 1, deadlineMs: 60_000, work: hang });
  await vi.waitFor(() => expect(pulses.underWay()).toEqual(['polite', 'stuck']));
  const stopped = pulses.stop();
  await vi.waitFor(() => expect(heard).toBe(true));
  await vi.waitFor(() => expect(pulses.underWay()).toEqual(['stuck']));
  for (const one of release.splice(0)) one();
  await stopped;
  expect(pulses.underWay()).toEqual([]);
});
