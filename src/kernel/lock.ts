import type { DatabaseSync } from 'node:sqlite';
import { fail } from './errors.ts';
import { isAlive, ownIdentity } from './process-identity.ts';
import { migrate, transaction } from './sqlite.ts';

/** A name that one piece of work holds at a time, over all processes that share the state database. */
export interface Lock extends Disposable {
  readonly name: string;
  /** Gives it up; further calls do nothing. */
  release(): void;
}

const migrations = [
  `CREATE TABLE lock (
     name TEXT PRIMARY KEY, pid INTEGER NOT NULL, start_ticks TEXT NOT NULL, boot_id TEXT NOT NULL, since TEXT NOT NULL
   ) STRICT`,
];

/**
 * Takes the lock, also from a process that is gone: a crash leaves nothing to clean up by hand.
 * @param name what is done, in words, such as `backup of shop`: it is shown to whoever comes second
 * @throws `busy`, naming the process that holds it and since when
 */
export function acquireLock(db: DatabaseSync, name: string): Lock {
  migrate(db, 'lock', migrations);
  const own = ownIdentity();
  transaction(db, () => {
    const row = db.prepare('SELECT * FROM lock WHERE name = ?').get(name);
    if (row) {
      const holder = { pid: Number(row.pid), startTicks: String(row.start_ticks), bootId: String(row.boot_id) };
      if (isAlive(holder)) {
        throw fail('busy', `${name}: process ${holder.pid} has been at it since ${row.since}`, {
          holder: holder.pid,
          since: String(row.since),
        });
      }
    }
    db.prepare('INSERT OR REPLACE INTO lock VALUES (?, ?, ?, ?, ?)').run(
      name,
      own.pid,
      own.startTicks,
      own.bootId,
      new Date().toISOString(),
    );
  });
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    db.prepare('DELETE FROM lock WHERE name = ? AND pid = ?').run(name, own.pid);
  };
  return { name, release, [Symbol.dispose]: release };
}
