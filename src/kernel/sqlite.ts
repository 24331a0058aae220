import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Opens (or makes, mode 0600) a SQLite file: write-ahead log, full synchronisation, foreign keys, and the migrations
 * that have not run yet, each in a transaction. `PRAGMA user_version` counts them; the list only ever grows.
 */
export function openDatabase(file: string, migrations: readonly string[]): DatabaseSync {
  if (file !== ':memory:' && !existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
  }
  const db = new DatabaseSync(file, { timeout: 10_000, enableForeignKeyConstraints: true });
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  const version = () => Number((db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version);
  while (version() < migrations.length) {
    db.exec('BEGIN IMMEDIATE');
    try {
      const next = version();
      const sql = migrations[next];
      if (sql !== undefined) db.exec(`${sql}; PRAGMA user_version = ${next + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
  }
  return db;
}
