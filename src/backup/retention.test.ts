import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalogued } from '../../test/support/stored-backup.ts';
import type { Retention } from '../platform/schema.ts';
import { periodsIn } from './periods.ts';
import { planRetention } from './retention.ts';
import type { Backup } from './schema.ts';

const none: Retention = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const now = new Date('2026-11-22T12:00:00Z');
const hours = 3_600_000;
const ago = (ms: number) => new Date(now.getTime() - ms).toISOString();
const kept = (backups: readonly Backup[], policy: Partial<Retention> = {}, zone = 'UTC') =>
  planRetention(backups, { ...none, ...policy }, now, zone)
    .rows.filter(({ keep }) => keep)
    .map(({ backup }) => backup.id);
const proven = { status: 'identical-to-artifact', drill: 'd-1', at: null } as const;

describe('what is kept', () => {
  const daily = Array.from({ length: 40 }, (_, day) => catalogued(`b-${day}`, ago(day * 24 * hours)));

  test('is the newest of each period', () => {
    expect(kept(daily, { daily: 3 })).toEqual(['b-0', 'b-1', 'b-2']);
    // 22 November 2026 is a Sunday: weeks begin on Monday.
    expect(kept(daily, { weekly: 3 })).toEqual(['b-0', 'b-7', 'b-14']);
    expect(kept(daily, { monthly: 2 })).toEqual(['b-0', 'b-22']);
    expect(kept(daily, { last: 2, yearly: 9 })).toEqual(['b-0', 'b-1']);
  });

  test('says why, for every backup', () => {
    const { rows } = planRetention(daily, { ...none, daily: 2 }, now, 'UTC');
    expect(rows[0]).toMatchObject({
      keep: true,
      classes: ['last', 'daily', 'last-good'],
      reasons: ['last 1 of 1', 'daily 2026-11-22', 'the last good one'],
    });
    expect(rows[2]).toMatchObject({ keep: false, classes: [], reasons: ['no rule keeps it'] });
    expect(rows.every(({ reasons }) => reasons.length > 0)).toBe(true);
  });

  test('follows the calendar of the time zone', () => {
    // Both on 22 November in UTC, and on two days in Paris.
    const two = [catalogued('b-late', '2026-11-21T23:30:00Z'), catalogued('b-early', '2026-11-21T22:30:00Z')];
    expect(kept(two, { daily: 2 }, 'UTC')).toEqual(['b-late']);
    expect(kept(two, { daily: 2 }, 'Europe/Paris')).toEqual(['b-late', 'b-early']);
  });

  test('counts the hour that a clock change repeats as two', () => {
    // In Paris, 02:30 on 25 October 2026 comes twice; on 29 March it does not exist.
    const twice = [catalogued('b-1', '2026-10-25T01:30:00Z'), catalogued('b-2', '2026-10-25T00:30:00Z')];
    expect(kept(twice, { hourly: 2 }, 'Europe/Paris')).toEqual(['b-1', 'b-2']);
    expect(kept(twice, { daily: 2 }, 'Europe/Paris')).toEqual(['b-1']);
    const spring = [catalogued('b-1', '2026-03-29T01:30:00Z'), catalogued('b-2', '2026-03-29T00:30:00Z')];
    expect(kept(spring, { hourly: 2 }, 'Europe/Paris')).toEqual(['b-1', 'b-2']);
  });
});

test('weeks are those of ISO 8601', () => {
  const week = (day: string) => periodsIn('UTC')(new Date(`${day}T12:00:00Z`)).weekly;
  expect(['2026-01-01', '2027-01-01', '2024-12-30', '2021-01-03', '2026-11-22'].map(week)).toEqual([
    '2026-W01',
    '2026-W53',
    '2025-W01',
    '2020-W53',
    '2026-W47',
  ]);
});

test('nothing of a database is removed after a backup that failed', () => {
  const backups = [
    catalogued('b-3', ago(1 * hours), { status: 'failed' }),
    catalogued('b-2', ago(30 * hours)),
    catalogued('b-1', ago(60 * hours)),
    catalogued('b-9', ago(2 * hours), { database: 'other' }),
    catalogued('b-8', ago(60 * hours), { database: 'other' }),
  ];
  const plan = planRetention(backups, none, now, 'UTC');
  expect(plan.suspended).toEqual([{ database: 'orders', reason: 'the newest backup, b-3, is failed' }]);
  expect(plan.rows.filter(({ keep }) => !keep).map(({ backup }) => backup.id)).toEqual(['b-8']);
});

test('a held, a running and the last proven backup stay', () => {
  const backups = [
    catalogued('b-run', ago(0), { status: 'running' }),
    catalogued('b-5', ago(24 * hours)),
    catalogued('b-4', ago(48 * hours), { proof: proven }),
    catalogued('b-3', ago(72 * hours), { retention: { class: [], held: 'a table shrank' } }),
    catalogued('b-2', ago(96 * hours), { proof: proven }),
    catalogued('b-1', ago(120 * hours)),
  ];
  expect(kept(backups)).toEqual(['b-run', 'b-5', 'b-4', 'b-3']);
});

test('what a crash left goes after a day, and what is damaged once a newer one is proven', () => {
  const backups = [
    catalogued('b-4', ago(1 * hours)),
    catalogued('b-3', ago(20 * hours), { status: 'incomplete' }),
    catalogued('b-2', ago(30 * hours), { status: 'incomplete' }),
    catalogued('b-1', ago(90 * hours), { status: 'damaged' }),
  ];
  expect(kept(backups)).toEqual(['b-4', 'b-3', 'b-1']);
  const [newest, ...others] = backups;
  expect(kept([{ ...(newest as Backup), proof: proven }, ...others])).toEqual(['b-4', 'b-3']);
});

test('a backup from the future neither goes nor takes the place of another', () => {
  const backups = [catalogued('b-2', '2031-01-01T00:00:00Z'), catalogued('b-1', ago(24 * hours))];
  expect(kept(backups)).toEqual(['b-2', 'b-1']);
});

describe('for any history', () => {
  const zones = ['UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'];
  const history = fc
    .array(
      fc.record({
        minutes: fc.integer({ min: -3_000, max: 900_000 }),
        database: fc.constantFrom('orders', 'other'),
        status: fc.constantFrom('good', 'good', 'good', 'incomplete', 'failed', 'damaged', 'running') as fc.Arbitrary<
          Backup['status']
        >,
        proof: fc.constantFrom('unproven', 'identical-to-artifact', 'identical-to-source', 'mismatch') as fc.Arbitrary<
          Backup['proof']['status']
        >,
        held: fc.option(fc.constant('a reason'), { freq: 10 }),
      }),
      { maxLength: 60 },
    )
    .map((list) =>
      list.map(({ minutes, database, status, proof, held }, index) =>
        catalogued(`b-${index}`, ago(minutes * 60_000), {
          database,
          status,
          proof: { status: proof, drill: null, at: null },
          retention: { class: [], held },
        }),
      ),
    );
  const policy = fc.record({
    last: fc.integer({ min: 1, max: 4 }),
    hourly: fc.integer({ min: 0, max: 5 }),
    daily: fc.integer({ min: 0, max: 5 }),
    weekly: fc.integer({ min: 0, max: 4 }),
    monthly: fc.integer({ min: 0, max: 4 }),
    yearly: fc.integer({ min: 0, max: 2 }),
  });
  const newest = (backups: readonly Backup[]) => [...backups].sort((a, b) => b.timestamp.localeCompare(a.timestamp))[0];

  test('the last good and the last proven one stay, and a second plan removes nothing more', () => {
    fc.assert(
      fc.property(history, policy, fc.constantFrom(...zones), (backups, rules, zone) => {
        const plan = planRetention(backups, rules, now, zone);
        expect(plan.rows).toHaveLength(backups.length);
        const stays = plan.rows.filter(({ keep }) => keep).map(({ backup }) => backup);
        for (const database of ['orders', 'other']) {
          const good = backups.filter((one) => one.database === database && one.status === 'good');
          const last = newest(good);
          const times = (list: readonly Backup[]) => list.map(({ timestamp }) => timestamp);
          if (last) expect(times(stays)).toContain(last.timestamp);
          const lastProven = newest(good.filter(({ proof }) => proof.status.startsWith('identical-')));
          if (lastProven)
            expect(times(stays.filter(({ proof }) => proof.status.startsWith('identical-')))).toContain(
              lastProven.timestamp,
            );
          const wanted = Math.min(rules.last, good.length);
          expect(
            stays.filter((one) => one.database === database && one.status === 'good').length,
          ).toBeGreaterThanOrEqual(wanted);
        }
        for (const one of backups)
          if (one.retention.held !== null || one.status === 'running') expect(stays).toContain(one);
        expect(planRetention(stays, rules, now, zone).rows.every(({ keep }) => keep)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

test('an incomplete backup stays while there is no newer good one: it is all there is of its time', () => {
  const lacking = catalogued('b-2', ago(60 * hours), { status: 'incomplete', missing: ['table public.t'] });
  const older = catalogued('b-1', ago(90 * hours));
  expect(kept([lacking])).toContain('b-2');
  expect(kept([lacking, older])).toContain('b-2');
  // By its snapshot: a good one of before does not stand for it, whenever it was begun.
  expect(kept([lacking, { ...older, startedAt: ago(hours) }])).toContain('b-2');
  expect(kept([lacking, catalogued('b-3', ago(hours))])).not.toContain('b-2');
});
