import type { DatabaseSync } from 'node:sqlite';
import type { RowCount } from '../database/inventory-schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { isAlive, ownIdentity } from '../kernel/process-identity.ts';
import { migrate, transaction } from '../kernel/sqlite.ts';
import { type Backup, backupSchema } from './schema.ts';

const migrations = [
  `CREATE TABLE backup (
     id TEXT PRIMARY KEY, database TEXT NOT NULL, started_at TEXT NOT NULL, status TEXT NOT NULL,
     document TEXT NOT NULL, pid INTEGER, start_ticks TEXT, boot_id TEXT
   ) STRICT;
   CREATE INDEX backup_started ON backup (database, started_at);
   CREATE TABLE backup_count (
     backup TEXT NOT NULL REFERENCES backup (id) ON DELETE CASCADE, relation TEXT NOT NULL, rows INTEGER NOT NULL,
     PRIMARY KEY (backup, relation)
   ) STRICT, WITHOUT ROWID`,
];

export interface BackupFilter {
  readonly database?: string | undefined;
  readonly status?: readonly Backup['status'][] | undefined;
  readonly limit?: number | undefined;
  /** Only those after this one in the list: where a page ended. */
  readonly after?: { readonly startedAt: string; readonly id: string } | undefined;
}

/** What is known of every backup (DS-1). The vault is the truth: all of it can be rebuilt from there. */
export class BackupCatalog {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    migrate(db, 'backup', migrations);
  }

  /** Newest first. */
  list({ database, status, limit, after }: BackupFilter = {}): Backup[] {
    const rows = this.#db
      .prepare(
        `SELECT document FROM backup
         WHERE (?1 IS NULL OR database = ?1) AND (?2 IS NULL OR status IN (SELECT value FROM json_each(?2)))
           AND (?4 IS NULL OR (started_at, id) < (?4, ?5))
         ORDER BY started_at DESC, id DESC LIMIT ?3`,
      )
      .all(
        database ?? null,
        status ? JSON.stringify(status) : null,
        limit ?? -1,
        after?.startedAt ?? null,
        after?.id ?? null,
      );
    return rows.map((row) => backupSchema.parse(JSON.parse(String(row.document))));
  }

  get(id: string): Backup | undefined {
    const row = this.#db.prepare('SELECT document FROM backup WHERE id = ?').get(id);
    return row ? backupSchema.parse(JSON.parse(String(row.document))) : undefined;
  }

  /** Adds or replaces. A backup saved as `running` belongs to this process until it is saved otherwise. */
  save(backup: Backup): void {
    const owner = backup.status === 'running' ? ownIdentity() : undefined;
    this.#db
      .prepare(
        `INSERT INTO backup VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
           database = excluded.database, started_at = excluded.started_at, status = excluded.status,
           document = excluded.document, pid = excluded.pid, start_ticks = excluded.start_ticks,
           boot_id = excluded.boot_id`,
      )
      .run(
        backup.id,
        backup.database,
        backup.startedAt,
        backup.status,
        JSON.stringify(backupSchema.parse(backup)),
        owner?.pid ?? null,
        owner?.startTicks ?? null,
        owner?.bootId ?? null,
      );
  }

  /** Changes some fields of one backup in one transaction; undefined when there is no such backup. */
  update(id: string, change: (backup: Backup) => Partial<Backup>): Backup | undefined {
    return transaction(this.#db, () => {
      const backup = this.get(id);
      if (!backup) return undefined;
      const changed = { ...backup, ...change(backup) };
      this.#db
        .prepare('UPDATE backup SET status = ?, document = ? WHERE id = ?')
        .run(changed.status, JSON.stringify(backupSchema.parse(changed)), id);
      return changed;
    });
  }

  remove(id: string): void {
    this.#db.prepare('DELETE FROM backup WHERE id = ?').run(id);
  }

  /** Rows per relation of one backup: what the next one is compared with. */
  counts(id: string): RowCount[] {
    return this.#db
      .prepare('SELECT relation, rows FROM backup_count WHERE backup = ? ORDER BY relation')
      .all(id)
      .map((row) => ({ name: String(row.relation), rows: Number(row.rows) }));
  }

  saveCounts(id: string, counts: readonly RowCount[]): void {
    transaction(this.#db, () => {
      this.#db.prepare('DELETE FROM backup_count WHERE backup = ?').run(id);
      const insert = this.#db.prepare('INSERT INTO backup_count VALUES (?, ?, ?)');
      for (const count of counts) insert.run(id, count.name, count.rows);
    });
  }

  /** Backups that still say `running` though their process is gone become `failed`. Returns their ids. */
  markInterrupted(clock: Clock): string[] {
    const rows = this.#db.prepare("SELECT * FROM backup WHERE status = 'running'").all();
    return rows
      .filter(
        (row) => !isAlive({ pid: Number(row.pid), startTicks: String(row.start_ticks), bootId: String(row.boot_id) }),
      )
      .map((row) => {
        const id = String(row.id);
        this.update(id, () => ({
          status: 'failed',
          finishedAt: clock.now().toISOString(),
          failure: { code: 'interrupted', message: 'its process ended before the backup did' },
        }));
        return id;
      });
  }
}
