import type { DatabaseSync } from 'node:sqlite';
import { isAlive, ownIdentity } from '../kernel/process-identity.ts';
import { migrate } from '../kernel/sqlite.ts';
import type { Status } from './schema.ts';

const migrations = [
  `CREATE TABLE daemon (
     one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER NOT NULL, start_ticks TEXT NOT NULL, boot_id TEXT NOT NULL,
     started_at TEXT NOT NULL
   ) STRICT`,
];

/** Writes down that this process is the daemon. */
export function recordDaemon(db: DatabaseSync, now: Date): void {
  migrate(db, 'daemon', migrations);
  const { pid, startTicks, bootId } = ownIdentity();
  db.prepare('INSERT OR REPLACE INTO daemon VALUES (1, ?, ?, ?, ?)').run(pid, startTicks, bootId, now.toISOString());
}

/** The daemon that ran last, and whether it still does; null when none ever did. */
export function lastDaemon(db: DatabaseSync): Status['daemon'] {
  migrate(db, 'daemon', migrations);
  const row = db.prepare('SELECT * FROM daemon').get();
  if (row === undefined) return null;
  const identity = { pid: Number(row.pid), startTicks: String(row.start_ticks), bootId: String(row.boot_id) };
  return { pid: identity.pid, startedAt: String(row.started_at), running: isAlive(identity) };
}
