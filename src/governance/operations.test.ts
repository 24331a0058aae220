import { expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { listOperations, markInterruptedOperations, recordOperation } from './operations.ts';

const start = { action: 'backup.run', actor: 'cli:root', subject: 'shop' };

test('every privileged action leaves a record, however it ends', async () => {
  const db = openDatabase(':memory:');
  const value = await recordOperation(db, systemClock, start, async () => {
    expect(listOperations(db)).toMatchObject([{ ...start, result: 'running', finishedAt: null }]);
    return 42;
  });
  expect(value).toBe(42);
  await expect(
    recordOperation(db, systemClock, start, async () => {
      throw fail('dump-failed', 'pg_dump ended with 1');
    }),
  ).rejects.toMatchObject({ code: 'dump-failed' });
  await expect(
    recordOperation(db, systemClock, start, async () => {
      throw fail('interrupted', 'stopped');
    }),
  ).rejects.toThrow();
  expect(listOperations(db).map(({ result, failure }) => [result, failure?.code])).toEqual([
    ['interrupted', 'interrupted'],
    ['failed', 'dump-failed'],
    ['ok', undefined],
  ]);
  expect(listOperations(db, 1)).toHaveLength(1);
});

test('an operation whose process is gone is interrupted; one of a living process is not', async () => {
  const db = openDatabase(':memory:');
  await recordOperation(db, systemClock, start, async () => {
    expect(markInterruptedOperations(db, systemClock)).toBe(0);
    db.exec(`UPDATE operation SET boot_id = 'before the reboot'`);
    expect(markInterruptedOperations(db, systemClock)).toBe(1);
    expect(listOperations(db)[0]?.result).toBe('interrupted');
  });
});
