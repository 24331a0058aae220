import { expect, test } from 'vitest';
import { catalogued } from '../../test/support/stored-backup.ts';
import { systemClock } from '../kernel/clock.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { platformSchema } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import { keptBackups } from './kept.ts';

const clock = { ...systemClock, now: () => new Date('2026-11-26T12:00:00.000Z') };
const platformWith = (retention: object) =>
  platformSchema.parse({
    name: 't',
    environment: 'dev',
    backup: { vault: { repository: '/vault', password: { file: '/password' } }, retention },
  });

test('why a backup is kept is known before anything was ever pruned, and follows the policy', () => {
  using db = openDatabase(':memory:');
  const catalog = new BackupCatalog(db);
  catalog.save(catalogued('b-1', '2026-11-24T02:00:00.000Z'));
  catalog.save(catalogued('b-2', '2026-11-25T02:00:00.000Z'));
  catalog.save(catalogued('b-3', '2026-11-26T02:00:00.000Z'));
  catalog.save(catalogued('b-4', '2026-11-26T03:00:00.000Z', { status: 'failed' }));
  const none = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

  const daily = keptBackups(catalog, platformWith({ ...none, daily: 2 }), clock);
  expect(daily.list().map(({ id, retention }) => [id, retention.class])).toEqual([
    ['b-4', []],
    ['b-3', ['last', 'daily', 'last-good']],
    ['b-2', ['daily']],
    ['b-1', []],
  ]);
  // A page of the list does not change what the rules count over.
  expect(daily.list({ limit: 1, status: ['good'] })[0]?.retention.class).toEqual(['last', 'daily', 'last-good']);
  expect(daily.get('b-2')?.retention.class).toEqual(['daily']);
  expect(daily.get('b-none')).toBeUndefined();

  const last = keptBackups(catalog, platformWith(none), clock);
  expect(last.get('b-2')?.retention.class).toEqual([]);
});
