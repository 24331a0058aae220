import type { DatabaseSync } from 'node:sqlite';

const day = 86_400_000;

/** How long a table of the state database keeps its rows, or what bounds it. docs/state.md says the same. */
export interface TableRetention {
  readonly table: string;
  /** In words. */
  readonly keeps: string;
  /** Removes what is older; `?1` is the limit as ISO 8601. None where something else bounds the table. */
  readonly remove?: { readonly days: number; readonly sql: string };
}

/** Thirteen months: a year, and the month that is compared with its own of last year. */
const thirteenMonths = 400;

/** Every table, and why it does not grow without end. A test compares this list with the database. */
export const stateRetention: readonly TableRetention[] = [
  {
    table: 'operation',
    keeps: '13 months, and of each action the newest of each result',
    remove: {
      days: thirteenMonths,
      sql: `DELETE FROM operation WHERE started_at < ?1 AND result <> 'running' AND rowid NOT IN
        (SELECT rowid FROM (SELECT rowid, max(started_at) FROM operation GROUP BY action, result))`,
    },
  },
  {
    table: 'drill',
    keeps: '13 months, and of each database the newest of each verdict; the vault keeps the reports too',
    remove: {
      days: thirteenMonths,
      sql: `DELETE FROM drill WHERE started_at < ?1 AND id NOT IN
        (SELECT id FROM (SELECT id, max(started_at) FROM drill GROUP BY database, verdict))`,
    },
  },
  { table: 'drill_begun', keeps: 'drills under way' },
  {
    table: 'backup',
    keeps: 'what is in the vault, and failed attempts for 13 months',
    remove: {
      days: thirteenMonths,
      sql: `DELETE FROM backup WHERE started_at < ?1 AND status = 'failed' AND id NOT IN
        (SELECT id FROM (SELECT id, max(started_at) FROM backup WHERE status = 'failed' GROUP BY database))`,
    },
  },
  { table: 'backup_count', keeps: 'as long as its backup' },
  { table: 'backup_dump', keeps: 'what is in the vault' },
  { table: 'backup_snapshot', keeps: 'what is in the vault' },
  {
    table: 'vault_check',
    keeps: '13 months, and of each vault the newest of each result',
    remove: {
      days: thirteenMonths,
      sql: `DELETE FROM vault_check WHERE at < ?1 AND rowid NOT IN
        (SELECT rowid FROM (SELECT rowid, max(at) FROM vault_check GROUP BY vault, ok))`,
    },
  },
  { table: 'schedule', keeps: 'one row per schedule of the platform file' },
  {
    table: 'scheduled_run',
    keeps: '90 days; the rate is that of 30',
    remove: { days: 90, sql: `DELETE FROM scheduled_run WHERE due < ?1 AND state NOT IN ('queued', 'running')` },
  },
  { table: 'known_state', keeps: 'one row per database and kind' },
  {
    table: 'outbox',
    keeps: '13 months after delivery or giving up; what waits is given up after a week',
    remove: { days: thirteenMonths, sql: 'DELETE FROM outbox WHERE coalesce(delivered_at, given_up_at) < ?1' },
  },
  { table: 'lock', keeps: 'one row per piece of work' },
  { table: 'daemon', keeps: 'one row' },
  { table: 'owner', keeps: 'one row' },
  { table: 'migration', keeps: 'one row per store' },
  { table: 'recovery_kit', keeps: 'the kits of the operators' },
  { table: 'vault_identity', keeps: 'one row per address of a vault' },
];

/** Removes what is older than its retention; tables that this database does not have yet are left out. */
export function applyStateRetention(db: DatabaseSync, now: Date): void {
  const there = new Set(
    db
      .prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`)
      .all()
      .map((row) => String(row.name)),
  );
  for (const { table, remove } of stateRetention) {
    if (!remove || !there.has(table)) continue;
    db.prepare(remove.sql).run(new Date(now.getTime() - remove.days * day).toISOString());
  }
}
