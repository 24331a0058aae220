import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { transaction } from '../../kernel/sqlite.ts';
import type { State, Status, Tracked } from '../schema.ts';
import { changeOf, isNews, type Message, messageOf, type StateChange } from './message.ts';
import { migrateOutbox } from './outbox-tables.ts';
import type { Attempt, Target } from './target.ts';

/** One message to one target. */
export interface Letter {
  readonly number: number;
  readonly target: Target;
  readonly message: Message;
  readonly attempts: number;
}

const minute = 60_000;
const hour = 60 * minute;
const week = 7 * 24 * hour;

/** A letter is tried for a week; a clock that jumped a week ahead does not take these tries from it. */
const leastAttempts = 24;
/** A letter that its server puts off lets newer ones pass after this: it may be the only one that it does not take. */
const passAfterMs = hour;
const longestWaitMs = hour;

/** Everything tracked, with the key under which its last known state is remembered. */
function subjectsOf(status: Status): Array<{ kind: StateChange['kind']; database: string | null; tracked: Tracked }> {
  return [
    ...status.databases.flatMap(({ name, backups, drills }) => [
      { kind: 'backups' as const, database: name, tracked: backups },
      { kind: 'drills' as const, database: name, tracked: drills },
    ]),
    { kind: 'integrity' as const, database: null, tracked: status.integrity },
    ...(['datastore', 'copies', 'retention'] as const).flatMap((kind) => {
      const tracked = status[kind];
      return tracked ? [{ kind, database: null, tracked }] : [];
    }),
  ];
}

/**
 * Known states, and the messages about their changes that are still to be delivered. A change and its messages are
 * written in one transaction: whatever happens to the process, there is one letter per change and target.
 */
export class Outbox {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    migrateOutbox(db);
  }

  /** Compares a status with what was known, remembers it, and queues a letter per change and target. Returns the changes. */
  observe(status: Status, targets: readonly Target[]): StateChange[] {
    const known = this.#db.prepare('SELECT state FROM known_state WHERE subject = ?');
    const remember = this.#db.prepare('INSERT OR REPLACE INTO known_state VALUES (?, ?, ?)');
    const queue = this.#db.prepare(
      'INSERT INTO outbox (channel, recipient, message, created_at, next_try_at) VALUES (?, ?, ?, ?, ?)',
    );
    const moved = subjectsOf(status)
      .map((subject) => {
        const key = subject.database === null ? subject.kind : `${subject.kind}:${subject.database}`;
        return { ...subject, key, from: (known.get(key)?.state ?? null) as State | null };
      })
      .filter((subject) => subject.from !== subject.tracked.state);
    if (moved.length === 0) return [];
    return transaction(this.#db, () => {
      const changes: StateChange[] = [];
      for (const { key, kind, database, tracked, from } of moved) {
        remember.run(key, tracked.state, status.timestamp);
        if (!isNews(kind, from, tracked.state)) continue;
        const { platform, environment, timestamp: at } = status;
        const change = changeOf({ id: randomUUID(), platform, environment, kind, database, from, at }, tracked);
        const message = JSON.stringify(messageOf(change));
        for (const { channel, recipient } of targets) queue.run(channel, recipient, message, at, at);
        changes.push(change);
      }
      return changes;
    });
  }

  /**
   * For the start. Letters from before each recipient had its own are one per recipient now; letters to targets that the
   * platform file no longer names are given up.
   */
  adopt(targets: readonly Target[], at: Date): void {
    const list = JSON.stringify(targets);
    const open = 'delivered_at IS NULL AND given_up_at IS NULL';
    transaction(this.#db, () => {
      this.#db
        .prepare(
          `INSERT INTO outbox (channel, recipient, message, created_at, next_try_at)
           SELECT o.channel, t.value ->> 'recipient', o.message, o.created_at, ?2 FROM outbox o
           JOIN json_each(?1) t ON t.value ->> 'channel' = o.channel
           WHERE o.recipient IS NULL AND ${open} ORDER BY o.number, t.key`,
        )
        .run(list, at.toISOString());
      this.#db.exec(`DELETE FROM outbox WHERE recipient IS NULL AND ${open}`);
      this.#db
        .prepare(
          `UPDATE outbox SET given_up_at = ?2, error = 'the platform file no longer names this recipient'
           WHERE ${open} AND NOT EXISTS (SELECT 1 FROM json_each(?1) t
             WHERE t.value ->> 'channel' = outbox.channel AND t.value ->> 'recipient' = outbox.recipient)`,
        )
        .run(list, at.toISOString());
      this.#db
        .prepare(
          `UPDATE outbox SET given_up_at = ?, error = 'its text is damaged' WHERE ${open} AND NOT json_valid(message)`,
        )
        .run(at.toISOString());
    });
  }

  /**
   * The letter to try now: the oldest of its target, so that a reader does not see "in order" before "failing". Newer
   * ones pass it only when the server itself has been putting off this one for an hour.
   */
  due({ channel, recipient }: Target, now: Date): Letter | undefined {
    const open = this.#db
      .prepare(
        `SELECT number, message, attempts, answered, first_try_at, next_try_at FROM outbox
         WHERE channel = ? AND recipient = ? AND delivered_at IS NULL AND given_up_at IS NULL AND json_valid(message)
         ORDER BY number`,
      )
      .iterate(channel, recipient);
    for (const row of open) {
      const next = Date.parse(String(row.next_try_at));
      // A time far ahead was written by a clock that was wrong.
      if (next <= now.getTime() || next > now.getTime() + 2 * longestWaitMs) {
        const message = JSON.parse(String(row.message)) as Message;
        const [number, attempts] = [Number(row.number), Number(row.attempts)];
        return { number, target: { channel, recipient } as Target, message, attempts };
      }
      const since = row.first_try_at === null ? Infinity : Date.parse(String(row.first_try_at));
      if (row.answered !== 1 || now.getTime() - since < passAfterMs) return undefined;
    }
    return undefined;
  }

  /**
   * Writes down how an attempt ended. What was put off is tried again after 1 minute, then twice as long each time, at
   * most an hour; for a week. When the target could not be spoken to, that is true of all its letters.
   */
  ended({ number, target: { channel, recipient }, attempts }: Letter, at: Date, attempt: Attempt): void {
    const now = at.toISOString();
    const open = 'delivered_at IS NULL AND given_up_at IS NULL';
    transaction(this.#db, () => {
      if (attempt.end === 'delivered') {
        this.#db
          .prepare('UPDATE outbox SET delivered_at = ?, attempts = attempts + 1, error = NULL WHERE number = ?')
          .run(now, number);
        this.#db
          .prepare(`UPDATE outbox SET next_try_at = ? WHERE channel = ? AND recipient = ? AND ${open} AND answered = 0`)
          .run(now, channel, recipient);
        return;
      }
      const { end, reason } = attempt;
      if (end === 'refused') {
        this.#db
          .prepare('UPDATE outbox SET given_up_at = ?, attempts = attempts + 1, error = ? WHERE number = ?')
          .run(now, reason, number);
        return;
      }
      const wait = Math.min(minute * 2 ** Math.min(attempts, 10), longestWaitMs);
      this.#db
        .prepare(
          `UPDATE outbox SET attempts = attempts + 1, error = ?1, next_try_at = ?2, answered = ?3,
             first_try_at = coalesce(first_try_at, ?4),
             given_up_at = CASE WHEN created_at < ?5 AND attempts + 1 >= ?6 THEN ?4 END
           WHERE channel = ?7 AND recipient = ?8 AND ${open} AND (number = ?9 OR ?3 = 0)`,
        )
        .run(
          reason,
          new Date(at.getTime() + wait).toISOString(),
          attempt.about === 'message' ? 1 : 0,
          now,
          new Date(at.getTime() - week).toISOString(),
          leastAttempts,
          channel,
          recipient,
          number,
        );
    });
  }
}
