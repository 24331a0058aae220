import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { acquireLock } from './lock.ts';
import { isAlive, ownIdentity } from './process-identity.ts';
import { openDatabase } from './sqlite.ts';

const db = openDatabase(':memory:');
afterEach(() => db.exec('DELETE FROM lock'));

test('a lock is held once, and names its holder to whoever comes second', () => {
  const lock = acquireLock(db, 'backup of shop');
  expect(() => acquireLock(db, 'backup of shop')).toThrow(
    `backup of shop: process ${process.pid} has been at it since`,
  );
  acquireLock(db, 'backup of blog').release();
  lock.release();
  acquireLock(db, 'backup of shop').release();
});

test('a lock of a process that is gone is taken over, also when its number was given to another one', async () => {
  const child = spawn('sleep', ['60']);
  const alive = { pid: child.pid ?? 0, startTicks: '0', bootId: ownIdentity().bootId };
  expect(isAlive(alive)).toBe(false);
  const insert = db.prepare('INSERT OR REPLACE INTO lock VALUES (?, ?, ?, ?, ?)');
  insert.run('backup of shop', alive.pid, alive.startTicks, alive.bootId, 'yesterday');
  acquireLock(db, 'backup of shop').release();

  insert.run('backup of shop', process.pid, ownIdentity().startTicks, 'another boot', 'yesterday');
  acquireLock(db, 'backup of shop').release();
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a clock that jumps does not matter to who lives', () => {
  const own = ownIdentity();
  expect(isAlive(own)).toBe(true);
  expect(isAlive({ ...own, startTicks: `${Number(own.startTicks) + 1}` })).toBe(false);
});
