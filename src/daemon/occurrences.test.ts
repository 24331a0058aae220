import fc from 'fast-check';
import { expect, test } from 'vitest';
import { occurrences } from './occurrences.ts';
import { Zone } from './zone.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const between = (expression: string, zone: string, from: string | number, to: string | number): string[] => {
  const found: string[] = [];
  for (const at of occurrences(expression, zone, new Date(from))) {
    if (at.getTime() > new Date(to).getTime()) break;
    found.push(at.toISOString().slice(5, 16));
  }
  return found;
};
const paris = (expression: string, from: string, to: string) => between(expression, 'Europe/Paris', from, to);
/** Paris, 2026: 02:00 CET becomes 03:00 CEST at 01:00Z of March 29; 03:00 CEST becomes 02:00 CET at 01:00Z of October 25. */
const spring = ['2026-03-28T22:59Z', '2026-03-29T04:00Z'] as const;
const autumn = ['2026-10-24T21:59Z', '2026-10-25T03:00Z'] as const;

test('fixed times on the night of spring: what is left out runs once, at the first moment after it', () => {
  expect(paris('30 2 * * *', ...spring)).toEqual(['03-29T01:00']);
  expect(paris('0-59/20 2 * * *', ...spring)).toEqual(['03-29T01:00']);
  expect(paris('*/20 2 * * *', ...spring)).toEqual(['03-29T01:00']);
  expect(paris('0 */2 * * *', ...spring)).toEqual(['03-28T23:00', '03-29T01:00', '03-29T02:00', '03-29T04:00']);
  expect(paris('0 2,3 * * *', ...spring)).toEqual(['03-29T01:00']);
});

test('fixed times on the night of autumn: what comes twice runs the first time', () => {
  expect(paris('30 2 * * *', ...autumn)).toEqual(['10-25T00:30']);
  expect(paris('0-59/20 2 * * *', ...autumn)).toEqual(['10-25T00:00', '10-25T00:20', '10-25T00:40']);
  expect(paris('0 */2 * * *', ...autumn)).toEqual(['10-24T22:00', '10-25T00:00', '10-25T03:00']);
  expect(paris('30 2,14 * * *', '2026-10-24T22:00Z', '2026-10-25T22:00Z')).toEqual(['10-25T00:30', '10-25T13:30']);
});

test('intervals go on by real time: an hour that comes twice has its runs twice, one that is left out none', () => {
  expect(paris('30 * * * *', ...spring)).toEqual([
    '03-28T23:30',
    '03-29T00:30',
    '03-29T01:30',
    '03-29T02:30',
    '03-29T03:30',
  ]);
  expect(paris('30 * * * *', ...autumn)).toHaveLength(5);
  expect(paris('*/5 * * * *', ...autumn)).toHaveLength(5 * 12 + 1);
  expect(paris('0 0-23 * * *', ...autumn)).toEqual(paris('0 * * * *', ...autumn));
  expect(paris('0 0-23/1 * * *', ...autumn)).toHaveLength(6);
});

test('Lord Howe changes by half an hour: no hourly run is left out, and none comes twice within the hour', () => {
  // October 4, 2026: 02:00 becomes 02:30 at 15:30Z. April 5: 02:00 becomes 01:30 at 15:00Z.
  const run = (expression: string, from: string, to: string) => between(expression, 'Australia/Lord_Howe', from, to);
  const there = ['2026-10-03T14:00Z', '2026-10-03T17:30Z'] as const;
  const back = ['2026-04-04T13:00Z', '2026-04-04T17:00Z'] as const;
  expect(run('0 * * * *', ...there)).toEqual(['10-03T14:30', '10-03T15:30', '10-03T16:00', '10-03T17:00']);
  expect(run('15 2 * * *', ...there)).toEqual(['10-03T15:30']);
  expect(run('45 * * * *', ...back)).toEqual(['04-04T13:45', '04-04T14:45', '04-04T16:15']);
  expect(run('45 1 * * *', ...back)).toEqual(['04-04T14:45']);
  expect(run('*/10 * * * *', ...back)).toHaveLength(24);
});

test('Samoa left out December 30, 2011: that day has no runs, and the days beside it have all of theirs', () => {
  const run = (expression: string) => between(expression, 'Pacific/Apia', '2011-12-29T09:00Z', '2012-01-01T09:59Z');
  expect(run('30 2 * * *')).toEqual(['12-29T12:30', '12-30T12:30', '12-31T12:30']);
  expect(run('0 * * * *')).toHaveLength(72);
  expect(run('0 3 30 * *')).toEqual([]);
});

test('a midnight that does not exist (São Paulo 2018, Cairo 2026) starts the day one hour later', () => {
  expect(between('0 0 * * *', 'America/Sao_Paulo', '2018-11-03T03:00Z', '2018-11-05T03:00Z')).toEqual([
    '11-04T03:00',
    '11-05T02:00',
  ]);
  expect(between('15 0 * * 5', 'Africa/Cairo', '2026-04-20T00:00Z', '2026-04-26T00:00Z')).toEqual(['04-23T22:00']);
});

const names = [
  'Europe/Paris',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Cairo',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Antarctica/Troll',
  'UTC',
];

/** All changes of a zone from 2005 to 2030, found by walking through its days. */
const changes = (name: string): number[] => {
  const zone = new Zone(name);
  const found: number[] = [];
  for (let at = Date.UTC(2005, 0, 1); at < Date.UTC(2030, 0, 1); at += day) {
    if (zone.offset(at) !== zone.offset(at + day)) found.push(at);
  }
  return found.length > 0 ? found : [Date.UTC(2026, 2, 29)];
};
const known = new Map(names.map((name) => [name, changes(name)]));

/** A field of cron with the set that it names: written a second time, and simply, so that there is something to compare with. */
interface Field {
  readonly text: string;
  readonly has: (value: number) => boolean;
}
const field = (low: number, high: number) => {
  const number = fc.integer({ min: low, max: high });
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant<Field>({ text: '*', has: () => true }) },
    fc
      .integer({ min: 2, max: Math.max(2, Math.floor(high / 2)) })
      .map((step): Field => ({ text: `*/${step}`, has: (n) => (n - low) % step === 0 })),
    number.map((one): Field => ({ text: `${one}`, has: (n) => n === one })),
    fc
      .uniqueArray(number, { minLength: 2, maxLength: 4 })
      .map((list): Field => ({ text: list.join(','), has: (n) => list.includes(n) })),
    fc.tuple(number, number, fc.integer({ min: 1, max: 5 })).map(([a, b, step]): Field => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      return { text: `${from}-${to}/${step}`, has: (n) => n >= from && n <= to && (n - from) % step === 0 };
    }),
  );
};
const schedule = fc.record({
  zone: fc.constantFrom(...names),
  which: fc.nat(),
  minute: field(0, 59),
  hour: field(0, 23),
  weekday: fc.oneof({ weight: 4, arbitrary: fc.constant<Field>({ text: '*', has: () => true }) }, field(0, 6)),
});

/** What the rule says, minute by minute of real time: the slow and obvious way. */
function expected(zone: Zone, one: { minute: Field; hour: Field; weekday: Field }, from: number, to: number) {
  const matches = (wall: number) => {
    const at = new Date(wall);
    return one.minute.has(at.getUTCMinutes()) && one.hour.has(at.getUTCHours()) && one.weekday.has(at.getUTCDay());
  };
  const everyHour = Array.from({ length: 24 }, (_, index) => index).every((index) => one.hour.has(index));
  const runs = new Set<number>();
  const doubtful = new Set<number>();
  let shown = Number.NEGATIVE_INFINITY;
  for (let at = from; at <= to; at += minute) {
    const wall = at + zone.offset(at);
    if (Number.isFinite(shown)) {
      for (let skipped = shown + minute; skipped < wall && wall - shown <= 3 * hour + minute; skipped += minute) {
        if (matches(skipped)) (everyHour ? doubtful : runs).add(at);
      }
    }
    if (matches(wall)) {
      if (wall > shown) runs.add(at);
      else if (everyHour) doubtful.add(at);
    }
    shown = Math.max(shown, wall);
  }
  return { runs, doubtful, everyHour };
}

const rounds = process.env.SOCLE_LONG ? 3_000 : 60;

test('around every change of eleven zones: fixed times run exactly once, intervals neither skip nor double', () => {
  fc.assert(
    fc.property(schedule, ({ zone: name, which, ...fields }) => {
      const zone = new Zone(name);
      const change = known.get(name)?.[which % (known.get(name)?.length ?? 1)] ?? 0;
      const [from, to] = [change - day, change + 2 * day];
      const expression = `${fields.minute.text} ${fields.hour.text} * * ${fields.weekday.text}`;
      const found: number[] = [];
      for (const at of occurrences(expression, name, new Date(from))) {
        if (at.getTime() > to) break;
        found.push(at.getTime());
      }
      const { runs, doubtful, everyHour } = expected(zone, fields, from - 6 * hour, to);
      const must = [...runs].filter((at) => at > from);
      if (!everyHour) {
        expect(found).toEqual(must.sort((a, b) => a - b));
        return;
      }
      // Every first showing runs; what a change adds runs when as much real time has gone by as on any other day.
      const added = found.filter((at) => !runs.has(at));
      expect(found.filter((at) => runs.has(at))).toEqual(must.sort((a, b) => a - b));
      for (const at of added) expect(doubtful.has(at)).toBe(true);
      if (fields.weekday.text !== '*') return;
      const minutes = Array.from({ length: 60 }, (_, index) => index).filter((index) => fields.minute.has(index));
      const gaps = minutes.map((one, index) => ((minutes[index + 1] ?? (minutes[0] ?? 0) + 60) - one) * minute);
      const largest = Math.max(...gaps);
      for (const [index, at] of found.entries()) {
        const next = found[index + 1];
        // A change by a whole hour is not seen at all; one by half an hour can cost or give half an hour.
        if (next !== undefined) expect(next - at).toBeLessThanOrEqual(largest + (name.includes('Lord') ? hour / 2 : 0));
        if (next !== undefined && !added.includes(next) && !added.includes(at))
          expect(next - at).toBeGreaterThanOrEqual(Math.min(...gaps) - (name.includes('Lord') ? hour / 2 : 0));
      }
    }),
    { numRuns: rounds },
  );
}, 600_000);

test('where one begins to look changes nothing: a restart in the middle of a change runs nothing twice, and leaves nothing out', () => {
  fc.assert(
    fc.property(schedule, fc.integer({ min: 0, max: 3 * 24 * 60 }), ({ zone, which, ...fields }, minutes) => {
      const change = known.get(zone)?.[which % (known.get(zone)?.length ?? 1)] ?? 0;
      const [from, to] = [change - day, change + 2 * day];
      const expression = `${fields.minute.text} ${fields.hour.text} * * ${fields.weekday.text}`;
      const restart = from + minutes * minute;
      const list = (start: number) => between(expression, zone, start, to);
      const whole = between(expression, zone, from, to);
      const before = between(expression, zone, from, Math.min(restart, to));
      expect(list(restart)).toEqual(whole.slice(before.length));
    }),
    { numRuns: rounds },
  );
}, 600_000);
