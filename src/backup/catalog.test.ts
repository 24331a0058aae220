import { expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { BackupCatalog } from './catalog.ts';
import { newBackup } from './new-backup.ts';
import { findShrunk } from './shrink.ts';

const at = (day: number) => new Date(Date.UTC(2026, 0, day));

test('backups are listed newest first, by database and by status', () => {
  const catalog = new BackupCatalog(openDatabase(':memory:'));
  catalog.save({ ...newBackup('b-1', 'shop', at(1), false), status: 'good' });
  catalog.save({ ...newBackup('b-2', 'blog', at(2), false), status: 'good' });
  catalog.save({ ...newBackup('b-3', 'shop', at(3), true), status: 'failed' });
  const ids = (filter = {}) => catalog.list(filter).map(({ id }) => id);
  expect(ids()).toEqual(['b-3', 'b-2', 'b-1']);
  expect(ids({ database: 'shop' })).toEqual(['b-3', 'b-1']);
  expect(ids({ status: ['good'] })).toEqual(['b-2', 'b-1']);
  expect(ids({ limit: 1 })).toEqual(['b-3']);
  catalog.saveCounts('b-1', [{ name: 'a', rows: 5 }]);
  expect(catalog.counts('b-1')).toEqual([{ name: 'a', rows: 5 }]);
  catalog.remove('b-1');
  expect(catalog.get('b-1')).toBeUndefined();
  expect(catalog.counts('b-1')).toEqual([]);
  expect(catalog.update('b-1', () => ({ status: 'good' }))).toBeUndefined();
});

test('a backup of a process that is gone has failed; one of a living process goes on', () => {
  const db = openDatabase(':memory:');
  const catalog = new BackupCatalog(db);
  catalog.save(newBackup('b-1', 'shop', at(1), false));
  expect(catalog.markInterrupted(systemClock)).toEqual([]);
  db.exec('UPDATE backup SET start_ticks = 0');
  expect(catalog.markInterrupted(systemClock)).toEqual(['b-1']);
  expect(catalog.get('b-1')).toMatchObject({ status: 'failed', failure: { code: 'interrupted' } });
});

test.each([
  [1_000, 500, true],
  [1_000, 501, false],
  [1_000, undefined, true],
  [99, 0, false],
  [100, 0, true],
])('a table that went from %s to %s rows shrank by half: %s', (before, now, shrunk) => {
  const current = now === undefined ? [] : [{ name: 't', rows: now }];
  expect(findShrunk([{ name: 't', rows: before }], current, 50).length > 0).toBe(shrunk);
});
