import { expect, test } from 'vitest';
import { platformSchema } from '../platform/schema.ts';
import { type Anchor, planSchedule, type ScheduleSpec, schedulesOf } from './schedule.ts';

const spec = (cron: string, jitterMs = 0): ScheduleSpec => ({
  job: 'backup:shop',
  kind: 'backup',
  database: 'shop',
  cron,
  timeZone: 'Europe/Paris',
  jitterMs,
});
const anchor = (handledUntil: string): Anchor => ({ seed: 'seed', handledUntil: new Date(handledUntil) });

/** Looks at the clock every five minutes from `from` to `to`, and lists what ran. */
function walk(schedule: ScheduleSpec, from: string, to: string): string[] {
  let memory = anchor(from);
  const ran: string[] = [];
  for (let now = Date.parse(from); now <= Date.parse(to); now += 300_000) {
    const plan = planSchedule(schedule, memory, new Date(now));
    if (plan.run) ran.push(plan.run.due.toISOString());
    expect(plan.missed).toEqual([]);
    memory = { ...memory, handledUntil: plan.handledUntil };
  }
  return ran;
}

test('02:30 on the night of spring without a half past two runs once, at the first time there is', () => {
  expect(walk(spec('30 2 * * *'), '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
});

test('02:30 on the night of autumn with two of them runs once', () => {
  expect(walk(spec('30 2 * * *'), '2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ]);
  expect(walk(spec('30 2,14 * * *'), '2026-10-24T22:00:00Z', '2026-10-25T22:00:00Z')).toHaveLength(2);
});

test('an hourly schedule runs 25 times on the long day and 23 times on the short one', () => {
  expect(walk(spec('0 * * * *'), '2026-10-24T22:30:00Z', '2026-10-25T23:00:00Z')).toHaveLength(25);
  expect(walk(spec('0 * * * *'), '2026-03-28T23:30:00Z', '2026-03-29T22:00:00Z')).toHaveLength(23);
});

test('after three days down the newest run is made once, and the others are missed', () => {
  const plan = planSchedule(spec('15 2 * * *'), anchor('2026-06-01T00:15:00Z'), new Date('2026-06-04T09:00:00Z'));
  expect(plan.run?.due.toISOString()).toBe('2026-06-04T00:15:00.000Z');
  expect(plan.missed.map((one) => one.due.toISOString())).toEqual([
    '2026-06-02T00:15:00.000Z',
    '2026-06-03T00:15:00.000Z',
  ]);
  expect(plan.next?.due.toISOString()).toBe('2026-06-05T00:15:00.000Z');
  const again = planSchedule(
    spec('15 2 * * *'),
    { seed: 'seed', handledUntil: plan.handledUntil },
    new Date('2026-06-04T09:01:00Z'),
  );
  expect(again).toMatchObject({ run: null, missed: [] });
});

test('a clock that jumps back runs nothing again', () => {
  const plan = planSchedule(spec('15 2 * * *'), anchor('2026-06-02T00:15:00Z'), new Date('2026-06-02T00:10:00Z'));
  expect(plan).toMatchObject({ run: null, missed: [] });
  expect(plan.next?.due.toISOString()).toBe('2026-06-03T00:15:00.000Z');
});

test('a clock that had been years ahead does not stop the schedule for years', () => {
  const plan = planSchedule(spec('15 2 * * *'), anchor('2070-01-01T00:15:00Z'), new Date('2026-06-02T12:00:00Z'));
  expect(plan).toMatchObject({ run: null, missed: [] });
  expect(plan.next?.due.toISOString()).toBe('2026-06-03T00:15:00.000Z');
});

test('a clock that jumps decades ahead catches up once, and does not count decades', () => {
  const plan = planSchedule(spec('*/5 * * * *'), anchor('2026-06-01T00:00:00Z'), new Date('2060-06-01T00:00:00Z'));
  expect(plan.run?.due.toISOString()).toBe('2060-06-01T00:00:00.000Z');
  expect(plan.missed.length).toBeLessThan(24 * 12);
});

test('jitter is the same at every look, differs between runs, and stays in its bounds', () => {
  const jittered = spec('15 2 * * *', 600_000);
  const delays = new Set<number>();
  for (let number = 1; number <= 28; number += 1) {
    const from = new Date(Date.UTC(2026, 5, number));
    const next = planSchedule(jittered, { seed: 'a', handledUntil: from }, from).next;
    const second = planSchedule(jittered, { seed: 'a', handledUntil: from }, new Date(from.getTime() + 60_000)).next;
    expect(second).toEqual(next);
    const delay = (next?.startAt.getTime() ?? 0) - (next?.due.getTime() ?? 0);
    expect(delay).toBeGreaterThanOrEqual(0);
    expect(delay).toBeLessThan(600_000);
    delays.add(delay);
  }
  expect(delays.size).toBeGreaterThan(20);
});

test('a jitter longer than the schedule skips no run', () => {
  expect(walk(spec('*/5 * * * *', 3_600_000), '2026-06-01T00:00:00Z', '2026-06-01T01:00:00Z').length).toBeGreaterThan(
    10,
  );
});

const platform = (sections: object) =>
  platformSchema.parse({
    name: 'test',
    environment: 'dev',
    databases: [{ name: 'shop', connection: { database: 'shop' } }],
    ...sections,
  });
const vault = { repository: '/vault', password: { file: '/key' } };

test('by default: daily backups, a weekly deep one before the weekly drill, integrity daily', () => {
  expect(schedulesOf(platform({ backup: { vault } })).map(({ job, cron }) => [job, cron])).toEqual([
    ['backup:shop', '15 2 * * *'],
    ['deep-backup:shop', '45 3 * * 0'],
    ['drill:shop', '30 5 * * 0'],
    ['integrity', '30 4 * * *'],
  ]);
});

test('`off` disables, and nothing is scheduled without a vault', () => {
  const off = platform({
    backup: { vault, schedule: 'off', deep_schedule: 'off', integrity: { schedule: 'off' } },
    drill: { schedule: 'off' },
  });
  expect(schedulesOf(off)).toEqual([]);
  expect(schedulesOf(platform({}))).toEqual([]);
});
