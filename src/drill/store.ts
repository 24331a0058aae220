import type { DatabaseSync } from 'node:sqlite';
import { isAlive, ownIdentity } from '../kernel/process-identity.ts';
import { migrate, transaction } from '../kernel/sqlite.ts';
import { type DrillReport, drillReportSchema, type Verdict } from './schema.ts';
import { type DrillSummary, drillSummarySchema } from './summary.ts';

const migrations = [
  `CREATE TABLE drill (
     id TEXT PRIMARY KEY, database TEXT NOT NULL, backup TEXT NOT NULL, started_at TEXT NOT NULL,
     verdict TEXT NOT NULL, report TEXT NOT NULL
   ) STRICT;
   CREATE INDEX drill_by_database ON drill (database, started_at)`,
  `CREATE TABLE drill_begun (
     id TEXT PRIMARY KEY, report TEXT NOT NULL, pid INTEGER NOT NULL, start_ticks TEXT NOT NULL, boot_id TEXT NOT NULL
   ) STRICT`,
];

export interface DrillFilter {
  readonly database?: string | undefined;
  readonly limit?: number | undefined;
}

export interface SummaryFilter extends DrillFilter {
  readonly verdicts?: readonly Verdict[] | undefined;
  /** Only those after this one in the list: where a page ended. */
  readonly after?: { readonly startedAt: string; readonly id: string } | undefined;
}

/** Reports of all drills of this host. They are kept in the vault too. */
export class DrillStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    migrate(db, 'drill', migrations);
  }

  /** Newest first. */
  list({ database, limit }: DrillFilter = {}): DrillReport[] {
    return this.#db
      .prepare(`SELECT report FROM drill WHERE ?1 IS NULL OR database = ?1 ORDER BY started_at DESC, id DESC LIMIT ?2`)
      .all(database ?? null, limit ?? -1)
      .map(read);
  }

  get(id: string): DrillReport | undefined {
    const row = this.#db.prepare('SELECT report FROM drill WHERE id = ?').get(id);
    return row && read(row);
  }

  latest(database?: string): DrillReport | undefined {
    return this.list({ database, limit: 1 })[0];
  }

  /** Newest first, and without the proofs: these are not even read. */
  summaries({ database, verdicts, limit, after }: SummaryFilter = {}): DrillSummary[] {
    return this.#db
      .prepare(
        `SELECT json_remove(report, '$.proof') AS report FROM drill
         WHERE (?1 IS NULL OR database = ?1) AND (?2 IS NULL OR verdict IN (SELECT value FROM json_each(?2)))
           AND (?4 IS NULL OR (started_at, id) < (?4, ?5))
         ORDER BY started_at DESC, id DESC LIMIT ?3`,
      )
      .all(
        database ?? null,
        verdicts ? JSON.stringify(verdicts) : null,
        limit ?? -1,
        after?.startedAt ?? null,
        after?.id ?? null,
      )
      .map((row) => drillSummarySchema.parse(JSON.parse(String(row.report))));
  }

  /** How many drills ended how, for each database. */
  tally(): Array<{ database: string; verdict: Verdict; count: number }> {
    return this.#db
      .prepare('SELECT database, verdict, count(*) AS count FROM drill GROUP BY database, verdict')
      .all()
      .map((row) => ({
        database: String(row.database),
        verdict: row.verdict as Verdict,
        count: Number(row.count),
      }));
  }

  /** Adds or replaces; a drill that had begun has ended with it. */
  save(report: DrillReport): void {
    const { id, database, backup, startedAt, verdict } = drillReportSchema.parse(report);
    transaction(this.#db, () => {
      this.#db
        .prepare('INSERT OR REPLACE INTO drill VALUES (?, ?, ?, ?, ?, ?)')
        .run(id, database, backup, startedAt, verdict, JSON.stringify(report));
      this.forget(id);
    });
  }

  /** Notes that this process begins a drill, with what is to be reported if it never ends. */
  begin(report: DrillReport): void {
    const { pid, startTicks, bootId } = ownIdentity();
    this.#db
      .prepare('INSERT INTO drill_begun VALUES (?, ?, ?, ?, ?)')
      .run(report.id, JSON.stringify(drillReportSchema.parse(report)), pid, startTicks, bootId);
  }

  /** Ends a drill that had begun, without a report. */
  forget(id: string): void {
    this.#db.prepare('DELETE FROM drill_begun WHERE id = ?').run(id);
  }

  /** What is to be reported of the drills whose process is gone. */
  abandoned(): DrillReport[] {
    return this.#db
      .prepare('SELECT * FROM drill_begun')
      .all()
      .filter(
        (row) => !isAlive({ pid: Number(row.pid), startTicks: String(row.start_ticks), bootId: String(row.boot_id) }),
      )
      .map(read);
  }
}

function read(row: Record<string, unknown>): DrillReport {
  return drillReportSchema.parse(JSON.parse(String(row.report)));
}
