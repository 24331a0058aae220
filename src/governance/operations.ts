import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../kernel/clock.ts';
import { asSocleError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { isAlive, ownIdentity } from '../kernel/process-identity.ts';
import { migrate } from '../kernel/sqlite.ts';
import { type Operation, operationSchema } from './schema.ts';

const migrations = [
  `CREATE TABLE operation (
     id TEXT PRIMARY KEY, action TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT, started_at TEXT NOT NULL,
     finished_at TEXT, result TEXT NOT NULL, duration_ms INTEGER, failure_code TEXT, failure_message TEXT,
     pid INTEGER NOT NULL, start_ticks TEXT NOT NULL, boot_id TEXT NOT NULL
   ) STRICT;
   CREATE INDEX operation_started ON operation (started_at)`,
];

export interface OperationStart {
  /** Such as `backup.run`. */
  readonly action: string;
  /** `cli:<user>` or `scheduler`. */
  readonly actor: string;
  readonly subject: string | null;
}

/** DS-3: does privileged work and leaves a record of it, written before it starts and completed however it ends. */
export async function recordOperation<T>(
  db: DatabaseSync,
  clock: Clock,
  { action, actor, subject }: OperationStart,
  work: () => Promise<T>,
): Promise<T> {
  migrate(db, 'operation', migrations);
  const startedAt = clock.now();
  const began = clock.monotonic();
  const id = newId('o', startedAt);
  const own = ownIdentity();
  db.prepare(
    `INSERT INTO operation (id, action, actor, subject, started_at, result, pid, start_ticks, boot_id)
     VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?)`,
  ).run(id, action, actor, subject, startedAt.toISOString(), own.pid, own.startTicks, own.bootId);
  const end = (result: Operation['result'], failure: Operation['failure']) =>
    db
      .prepare(
        'UPDATE operation SET finished_at = ?, result = ?, duration_ms = ?, failure_code = ?, failure_message = ? WHERE id = ?',
      )
      .run(
        clock.now().toISOString(),
        result,
        Math.round(clock.monotonic() - began),
        failure?.code ?? null,
        failure?.message ?? null,
        id,
      );
  try {
    const value = await work();
    end('ok', null);
    return value;
  } catch (error) {
    const { code, message } = asSocleError(error);
    end(code === 'interrupted' ? 'interrupted' : 'failed', { code, message });
    throw error;
  }
}

/**
 * Newest first.
 * @param after where a page ended: only those after it in the list
 */
export function listOperations(
  db: DatabaseSync,
  limit = 100,
  after?: { readonly startedAt: string; readonly id: string },
): Operation[] {
  migrate(db, 'operation', migrations);
  return db
    .prepare(
      `SELECT * FROM operation WHERE ?1 IS NULL
         OR (started_at, rowid) < (?1, coalesce((SELECT rowid FROM operation WHERE id = ?2), 0))
       ORDER BY started_at DESC, rowid DESC LIMIT ?3`,
    )
    .all(after?.startedAt ?? null, after?.id ?? null, limit)
    .map(asOperation);
}

const asOperation = (row: Record<string, unknown>): Operation =>
  operationSchema.parse({
    id: row.id,
    action: row.action,
    actor: row.actor,
    subject: row.subject,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    result: row.result,
    durationMs: row.duration_ms,
    failure: row.failure_code === null ? null : { code: row.failure_code, message: row.failure_message },
  });

/** The newest operation of a kind that ended in one of these ways. */
/** Every run of an action that is over, newest first, since a moment. */
export function operationsOf(db: DatabaseSync, action: string, since: Date): Operation[] {
  migrate(db, 'operation', migrations);
  return db
    .prepare(
      `SELECT * FROM operation WHERE action = ? AND started_at >= ? AND result <> 'running'
       ORDER BY started_at DESC, rowid DESC`,
    )
    .all(action, since.toISOString())
    .map(asOperation);
}

export function newestOperation(
  db: DatabaseSync,
  action: string,
  results: ReadonlyArray<Operation['result']>,
): Operation | undefined {
  migrate(db, 'operation', migrations);
  const row = db
    .prepare(
      `SELECT * FROM operation WHERE action = ? AND result IN (SELECT value FROM json_each(?))
       ORDER BY started_at DESC, rowid DESC LIMIT 1`,
    )
    .get(action, JSON.stringify(results));
  return row === undefined ? undefined : asOperation(row);
}

/** Operations whose process is gone are `interrupted`: to be called at every start. Returns how many there were. */
export function markInterruptedOperations(db: DatabaseSync, clock: Clock): number {
  migrate(db, 'operation', migrations);
  let marked = 0;
  for (const row of db.prepare("SELECT * FROM operation WHERE result = 'running'").all()) {
    if (isAlive({ pid: Number(row.pid), startTicks: String(row.start_ticks), bootId: String(row.boot_id) })) continue;
    marked += Number(
      db
        .prepare(
          `UPDATE operation SET result = 'interrupted', finished_at = ?, failure_code = 'interrupted',
             failure_message = 'its process ended before the work did' WHERE id = ? AND result = 'running'`,
        )
        .run(clock.now().toISOString(), row.id as string).changes,
    );
  }
  return marked;
}
