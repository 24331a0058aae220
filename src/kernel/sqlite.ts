import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Opens (or makes, mode 0600) a SQLite file: write-ahead log, full synchronisation, foreign keys. Several processes may
 * have it open: a writer waits up to 10 s for another.
 */
export function openDatabase(file: string): DatabaseSync {
  if (file !== ':memory:' && !existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
  }
  const db = new DatabaseSync(file, { timeout: 10_000, enableForeignKeyConstraints: true });
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  db.exec('CREATE TABLE IF NOT EXISTS migration (store TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT');
  return db;
}

/** Runs `work` in one write transaction: all of it, or none. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Brings the tables of one store up to date. The list of SQL texts only ever grows; each runs once. When there is
 * nothing to do it only reads: it never waits for a writer.
 */
export function migrate(db: DatabaseSync, store: string, migrations: readonly string[]): void {
  const version = () => Number(db.prepare('SELECT version FROM migration WHERE store = ?').get(store)?.version ?? 0);
  if (version() >= migrations.length) return;
  transaction(db, () => {
    for (const sql of migrations.slice(version())) db.exec(sql);
    db.prepare('INSERT INTO migration VALUES (?, ?) ON CONFLICT (store) DO UPDATE SET version = excluded.version').run(
      store,
      migrations.length,
    );
  });
}
