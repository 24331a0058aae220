import type { DatabaseSync } from 'node:sqlite';
import { migrate } from '../kernel/sqlite.ts';
import type { Manifest } from './schema.ts';
import type { CheckResult } from './vault.ts';

const migrations = [
  `CREATE TABLE vault_check (
     vault TEXT NOT NULL, at TEXT NOT NULL, part INTEGER NOT NULL, parts INTEGER NOT NULL, ok INTEGER NOT NULL,
     detail TEXT NOT NULL, duration_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX vault_check_at ON vault_check (vault, at);
   CREATE TABLE backup_dump (backup TEXT PRIMARY KEY, tree TEXT NOT NULL) STRICT`,
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
});

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

  save({ vault, at, part, ok, detail, durationMs }: VaultCheck): void {
    this.#db
      .prepare('INSERT INTO vault_check VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(vault, at, part.n, part.of, ok ? 1 : 0, detail, Math.round(durationMs));
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

  /** How much of the vault was read since the moment named: distinct parts of the division in use. */
  partsRead(vault: string, of: number, since: Date): number {
    const row = this.#db
      .prepare('SELECT count(DISTINCT part) AS n FROM vault_check WHERE vault = ? AND parts = ? AND ok = 1 AND at >= ?')
      .get(vault, Math.min(of, mostParts), since.toISOString());
    return Number(row?.n ?? 0);
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
