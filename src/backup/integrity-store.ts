import type { DatabaseSync } from 'node:sqlite';
import { migrate } from '../kernel/sqlite.ts';
import type { Manifest } from './schema.ts';
import type { CheckResult, Stored } from './vault.ts';

const migrations = [
  `CREATE TABLE vault_check (
     vault TEXT NOT NULL, at TEXT NOT NULL, part INTEGER NOT NULL, parts INTEGER NOT NULL, ok INTEGER NOT NULL,
     detail TEXT NOT NULL, duration_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX vault_check_at ON vault_check (vault, at);
   CREATE TABLE backup_dump (backup TEXT PRIMARY KEY, tree TEXT NOT NULL) STRICT`,
  // How many data files a check read, of how many; and which snapshots a backup was last seen in.
  `ALTER TABLE vault_check ADD COLUMN packs INTEGER;
   ALTER TABLE vault_check ADD COLUMN packs_total INTEGER;
   CREATE TABLE backup_snapshot (
     backup TEXT NOT NULL, item TEXT NOT NULL, snapshot TEXT NOT NULL, PRIMARY KEY (backup, item)
   ) STRICT, WITHOUT ROWID`,
];

/** restic splits the data by the first byte of a pack's id. */
const mostParts = 256;

export interface Part {
  readonly n: number;
  readonly of: number;
}

/** One run of the check of a vault. */
export interface VaultCheck extends CheckResult {
  readonly vault: string;
  readonly at: string;
  readonly part: Part;
}

const asCheck = (row: Record<string, unknown>): VaultCheck => ({
  vault: String(row.vault),
  at: String(row.at),
  part: { n: Number(row.part), of: Number(row.parts) },
  ok: row.ok === 1,
  detail: String(row.detail),
  durationMs: Number(row.duration_ms),
  packs: row.packs_total === null ? null : { read: Number(row.packs), total: Number(row.packs_total) },
});

/** How much of a vault was read since a moment. */
export interface ReadSince {
  /** Distinct parts that were read well, of how many. */
  readonly parts: Part;
  /** The same in data files; null where restic did not say. */
  readonly packs: { readonly read: number; readonly total: number } | null;
  /** When the newest of them was read; null before the first. */
  readonly at: string | null;
}

/** Which parts of a vault were read and when, and which tree is each backup's dump. */
export class IntegrityStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    migrate(db, 'integrity', migrations);
  }

  /** The part to read now: after the last one that was read well, so that everything is read over `parts` runs. */
  nextPart(vault: string, parts: number): Part {
    const of = Math.min(parts, mostParts);
    const row = this.#db
      .prepare('SELECT part FROM vault_check WHERE vault = ? AND parts = ? AND ok = 1 ORDER BY at DESC, rowid DESC')
      .get(vault, of);
    return { n: (Number(row?.part ?? 0) % of) + 1, of };
  }

  save({ vault, at, part, ok, detail, durationMs, packs }: VaultCheck): void {
    this.#db
      .prepare('INSERT INTO vault_check VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        vault,
        at,
        part.n,
        part.of,
        ok ? 1 : 0,
        detail,
        Math.round(durationMs),
        packs?.read ?? null,
        packs?.total ?? null,
      );
  }

  /** Newest first. */
  list(vault: string, limit = 100): VaultCheck[] {
    return this.#db
      .prepare('SELECT * FROM vault_check WHERE vault = ? ORDER BY at DESC, rowid DESC LIMIT ?')
      .all(vault, limit)
      .map(asCheck);
  }

  /** The newest check of any vault that found it whole, or damaged. */
  newest(ok: boolean): VaultCheck | undefined {
    const row = this.#db.prepare('SELECT * FROM vault_check WHERE ok = ? ORDER BY at DESC, rowid DESC').get(ok ? 1 : 0);
    return row && asCheck(row);
  }

  /** How much of the vault was read since the moment named, in the division in use: one reading of each part counts. */
  readSince(vault: string, parts: number, since: Date): ReadSince {
    const of = Math.min(parts, mostParts);
    const rows = this.#db
      .prepare(
        `SELECT part, max(at) AS at, packs, packs_total FROM vault_check
         WHERE vault = ? AND parts = ? AND ok = 1 AND at >= ? GROUP BY part ORDER BY at DESC`,
      )
      .all(vault, of, since.toISOString());
    const [newest] = rows;
    const counted = rows.every((row) => row.packs_total !== null);
    const read = rows.reduce((sum, row) => sum + Number(row.packs), 0);
    return {
      parts: { n: rows.length, of },
      packs: newest && counted ? { read, total: Math.max(read, Number(newest.packs_total)) } : null,
      at: newest ? String(newest.at) : null,
    };
  }

  /** The snapshots that a backup was last seen in: the file of one that cannot be read does not say whose it is. */
  saveSnapshots(backup: string, stored: ReadonlyArray<Pick<Stored, 'item' | 'snapshot'>>): void {
    const save = this.#db.prepare('INSERT OR REPLACE INTO backup_snapshot VALUES (?, ?, ?)');
    for (const { item, snapshot } of stored) save.run(backup, item, snapshot);
  }

  /** Which backup a snapshot belonged to when it was last seen. */
  ownerOf(snapshot: string): { readonly backup: string; readonly item: string } | undefined {
    const row = this.#db.prepare('SELECT backup, item FROM backup_snapshot WHERE snapshot = ?').get(snapshot);
    return row && { backup: String(row.backup), item: String(row.item) };
  }

  /** The tree of a backup's dump, once its manifest has been read. */
  tree(backup: string): string | undefined {
    const row = this.#db.prepare('SELECT tree FROM backup_dump WHERE backup = ?').get(backup);
    return row && String(row.tree);
  }

  saveTree({ id, dump }: Pick<Manifest, 'id' | 'dump'>): void {
    this.#db.prepare('INSERT OR REPLACE INTO backup_dump VALUES (?, ?)').run(id, dump.tree);
  }
}
