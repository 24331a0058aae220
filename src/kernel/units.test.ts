import { expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

test.each([
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['', undefined],
  ['10', undefined],
  ['1 h', undefined],
])('duration %j is %j ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each([
  ['1GiB', 2 ** 30],
  ['1.5 KiB', 1536],
  ['12', undefined],
  ['1GB', undefined],
])('size %j is %j bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

test('sizes and durations are printed with a unit that fits', () => {
  expect([0, 1023, 1024, 5 * 2 ** 30].map(formatSize)).toEqual(['0 B', '1023 B', '1.00 KiB', '5.00 GiB']);
  expect([850, 4_200, 200_000, 7_500_000, 273_600_000].map(formatDuration)).toEqual([
    '850 ms',
    '4.2 s',
    '3 m 20 s',
    '2 h 5 m',
    '3 d 4 h',
  ]);
});
