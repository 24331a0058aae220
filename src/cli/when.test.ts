import { expect, test } from 'vitest';
import { whenIn } from './when.ts';

test.each([
  ['UTC', '2026-11-22T02:15:00.999Z', '2026-11-22 02:15:00 UTC'],
  ['Europe/Paris', '2026-11-22T23:15:00Z', '2026-11-23 00:15:00 +01:00'],
  ['Europe/Paris', '2026-07-01T00:00:00Z', '2026-07-01 02:00:00 +02:00'],
  ['Asia/Kathmandu', '2026-11-22T02:15:00Z', '2026-11-22 08:00:00 +05:45'],
  ['America/New_York', '2026-11-22T02:15:00Z', '2026-11-21 21:15:00 -05:00'],
])('%s at %s is %s', (zone, iso, said) => {
  expect(whenIn(zone)(iso)).toBe(said);
});

test('the hour that a clock change repeats is told apart', () => {
  const paris = whenIn('Europe/Paris');
  expect(paris('2026-10-25T00:30:00Z')).toBe('2026-10-25 02:30:00 +02:00');
  expect(paris('2026-10-25T01:30:00Z')).toBe('2026-10-25 02:30:00 +01:00');
});
