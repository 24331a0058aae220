import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { migrate, transaction } from '../kernel/sqlite.ts';

/** What a schedule starts. `deep-backup` also hashes every table on the source. */
export type JobKind = 'backup' | 'deep-backup' | 'drill' | 'integrity' | 'datastore';

/** How a run that a schedule expects went. `queued` and `running` are not over yet. */
export type RunState = 'queued' | 'running' | 'ok' | 'failed' | 'missed' | 'interrupted';

/** One run that a schedule expects. A run that never happened is in here too: it counts as a failure. */
export interface ScheduledRun {
  readonly id: number;
  readonly job: string;
  readonly kind: JobKind;
  readonly database: string | null;
  readonly due: Date;
  readonly state: RunState;
  readonly attempts: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Why it failed, without secrets. */
  readonly detail: string | null;
}

/** What identifies a job; a change of `pattern` (cron expression and time zone) starts its memory afresh. */
export interface JobKey {
  readonly job: string;
  readonly kind: JobKind;
  readonly database: string | null;
  readonly pattern: string;
}

const migrations = [
  `CREATE TABLE schedule (
     job TEXT PRIMARY KEY, pattern TEXT NOT NULL, seed TEXT NOT NULL, handled_until TEXT NOT NULL, next_at TEXT
   ) STRICT;
   CREATE TABLE scheduled_run (
     id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, kind TEXT NOT NULL, database TEXT, due TEXT NOT NULL,
     state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, not_before TEXT, started_at TEXT, finished_at TEXT,
     detail TEXT, UNIQUE (job, due)
   ) STRICT;
   CREATE INDEX scheduled_run_state ON scheduled_run (state, due);`,
  // The id of the first of its job's runs that waited where this one waits now.
  'ALTER TABLE scheduled_run ADD COLUMN place INTEGER',
];

const date = (value: unknown) => (typeof value === 'string' ? new Date(value) : null);

function asRun(row: Record<string, unknown>): ScheduledRun {
  return {
    id: Number(row.id),
    job: String(row.job),
    kind: row.kind as JobKind,
    database: row.database === null ? null : String(row.database),
    due: new Date(String(row.due)),
    state: row.state as RunState,
    attempts: Number(row.attempts),
    startedAt: date(row.started_at),
    finishedAt: date(row.finished_at),
    detail: row.detail === null ? null : String(row.detail),
  };
}

/** What the scheduler remembers, in SQLite: a restart loses nothing and runs nothing twice. */
export class ScheduleStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    migrate(db, 'schedule', migrations);
  }

  /** The memory of a job; a job seen for the first time, or with a new pattern, has nothing to catch up on. */
  anchor(key: JobKey, now: Date): { seed: string; handledUntil: Date } {
    const row = this.#db.prepare('SELECT * FROM schedule WHERE job = ?').get(key.job);
    if (row?.pattern === key.pattern) {
      return { seed: String(row.seed), handledUntil: new Date(String(row.handled_until)) };
    }
    const seed = row === undefined ? randomBytes(8).toString('hex') : String(row.seed);
    this.#db
      .prepare('INSERT OR REPLACE INTO schedule (job, pattern, seed, handled_until) VALUES (?, ?, ?, ?)')
      .run(key.job, key.pattern, seed, now.toISOString());
    return { seed, handledUntil: now };
  }

  /**
   * Writes down what a plan decided, all of it or nothing. A queued run that a newer one of its job overtakes is missed,
   * and leaves its place in the queue to it: else a job that is always due again would let no other one start.
   */
  record(
    key: JobKey,
    plan: { run: Date | null; missed: readonly Date[]; nextAt: Date | null; handledUntil: Date },
  ): void {
    const insert = this.#db.prepare(
      'INSERT OR IGNORE INTO scheduled_run (job, kind, database, due, state, detail) VALUES (?, ?, ?, ?, ?, ?)',
    );
    transaction(this.#db, () => {
      for (const due of plan.missed) {
        insert.run(
          key.job,
          key.kind,
          key.database,
          due.toISOString(),
          'missed',
          'Socle was not running when it was due',
        );
      }
      if (plan.run !== null) {
        const place = this.#db
          .prepare(`SELECT min(coalesce(place, id)) AS place FROM scheduled_run WHERE job = ? AND state = 'queued'`)
          .get(key.job)?.place;
        this.#db
          .prepare(`UPDATE scheduled_run SET state = 'missed', detail = ? WHERE job = ? AND state = 'queued'`)
          .run('the next run was due before this one could start', key.job);
        this.#db
          .prepare(
            `INSERT INTO scheduled_run (job, kind, database, due, state, place) VALUES (?, ?, ?, ?, 'queued', ?)
             ON CONFLICT (job, due) DO UPDATE SET state = 'queued', detail = NULL WHERE state = 'missed'`,
          )
          .run(key.job, key.kind, key.database, plan.run.toISOString(), place ?? null);
      }
      // Rows that are ahead of what has been dealt with were written by a clock that was wrong.
      this.#db
        .prepare(`DELETE FROM scheduled_run WHERE job = ? AND due > ? AND state <> 'running'`)
        .run(key.job, plan.handledUntil.toISOString());
      this.#db
        .prepare('UPDATE schedule SET handled_until = ?, next_at = ? WHERE job = ?')
        .run(plan.handledUntil.toISOString(), plan.nextAt?.toISOString() ?? null, key.job);
    });
  }

  /** Forgets jobs that are no longer in the platform file, with what they had still to do. */
  keepOnly(jobs: readonly string[]): void {
    const list = JSON.stringify(jobs);
    transaction(this.#db, () => {
      this.#db.prepare('DELETE FROM schedule WHERE job NOT IN (SELECT value FROM json_each(?))').run(list);
      this.#db
        .prepare(`DELETE FROM scheduled_run WHERE state = 'queued' AND job NOT IN (SELECT value FROM json_each(?))`)
        .run(list);
    });
  }

  /** When a job starts next; null when it is off. */
  nextAt(job: string): Date | null {
    return date(this.#db.prepare('SELECT next_at FROM schedule WHERE job = ?').get(job)?.next_at);
  }

  /** The queued run that may start now, in the order in which their jobs came into the queue. */
  nextQueued(now: Date): ScheduledRun | undefined {
    const row = this.#db
      .prepare(
        `SELECT * FROM scheduled_run WHERE state = 'queued' AND (not_before IS NULL OR not_before <= ?)
         ORDER BY coalesce(place, id) LIMIT 1`,
      )
      .get(now.toISOString());
    return row === undefined ? undefined : asRun(row);
  }

  started(id: number, at: Date): void {
    this.#db
      .prepare(`UPDATE scheduled_run SET state = 'running', attempts = attempts + 1, started_at = ? WHERE id = ?`)
      .run(at.toISOString(), id);
  }

  finished(id: number, state: Exclude<RunState, 'queued' | 'running'>, at: Date, detail: string | null): void {
    this.#db
      .prepare('UPDATE scheduled_run SET state = ?, finished_at = ?, detail = ? WHERE id = ?')
      .run(state, at.toISOString(), detail, id);
  }

  /** Puts a run back: the same work was already running elsewhere. That is no attempt. */
  deferred(id: number, notBefore: Date, detail: string): void {
    this.#db
      .prepare(
        `UPDATE scheduled_run SET state = 'queued', attempts = attempts - 1, not_before = ?, detail = ? WHERE id = ?`,
      )
      .run(notBefore.toISOString(), detail, id);
  }

  /**
   * For the start: a run that was under way when the daemon ended was interrupted. It is queued again when it is the
   * newest of its job and has not been tried `maxAttempts` times. Resolves to the runs that were under way.
   */
  recover(now: Date, maxAttempts: number): ScheduledRun[] {
    return transaction(this.#db, () => {
      const open = this.#db.prepare(`SELECT * FROM scheduled_run WHERE state = 'running'`).all().map(asRun);
      for (const run of open) this.finished(run.id, 'interrupted', now, 'Socle ended while it was running');
      this.#db
        .prepare(
          `UPDATE scheduled_run AS run SET state = 'queued', not_before = NULL WHERE state = 'interrupted'
           AND attempts < ? AND NOT EXISTS (SELECT 1 FROM scheduled_run WHERE job = run.job AND due > run.due)`,
        )
        .run(maxAttempts);
      this.#db
        .prepare('DELETE FROM scheduled_run WHERE due < ?')
        .run(new Date(now.getTime() - 90 * 86_400_000).toISOString());
      return open;
    });
  }

  /** Runs of these kinds, newest first, that were due since `since`. */
  runs(kinds: readonly JobKind[], database: string | null, since: Date): ScheduledRun[] {
    return this.#db
      .prepare(
        `SELECT * FROM scheduled_run WHERE kind IN (SELECT value FROM json_each(?)) AND database IS ? AND due >= ?
         ORDER BY due DESC, id DESC`,
      )
      .all(JSON.stringify(kinds), database, since.toISOString())
      .map(asRun);
  }

  /** Is a run under way or waiting? */
  active(): ScheduledRun[] {
    return this.#db
      .prepare(`SELECT * FROM scheduled_run WHERE state IN ('running', 'queued') ORDER BY due, id`)
      .all()
      .map(asRun);
  }
}
