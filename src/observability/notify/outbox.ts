import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { migrate, transaction } from '../../kernel/sqlite.ts';
import type { State, Status, Tracked } from '../schema.ts';
import { changeOf, isNews, type Message, messageOf, type StateChange } from './message.ts';

export type Channel = 'mail' | 'webhook';

export interface Letter {
  readonly number: number;
  readonly channel: Channel;
  readonly message: Message;
  readonly attempts: number;
}

const migrations = [
  `CREATE TABLE known_state (subject TEXT PRIMARY KEY, state TEXT NOT NULL, since TEXT NOT NULL) STRICT;
   CREATE TABLE outbox (
     number INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, message TEXT NOT NULL, created_at TEXT NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0, next_try_at TEXT NOT NULL, delivered_at TEXT, given_up_at TEXT, error TEXT
   ) STRICT;
   CREATE INDEX outbox_open ON outbox (channel, number) WHERE delivered_at IS NULL AND given_up_at IS NULL;`,
];

const week = 7 * 86_400_000;

/** Everything tracked, with the key under which its last known state is remembered. */
function subjectsOf(status: Status): Array<{ kind: StateChange['kind']; database: string | null; tracked: Tracked }> {
  return [
    ...status.databases.flatMap(({ name, backups, drills }) => [
      { kind: 'backups' as const, database: name, tracked: backups },
      { kind: 'drills' as const, database: name, tracked: drills },
    ]),
    { kind: 'integrity' as const, database: null, tracked: status.integrity },
    ...(status.datastore ? [{ kind: 'datastore' as const, database: null, tracked: status.datastore }] : []),
  ];
}

/**
 * Known states, and the messages about their changes that are still to be delivered. A change and its messages are
 * written in one transaction: whatever happens to the process, there is one message per change and channel.
 */
export class Outbox {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    migrate(db, 'outbox', migrations);
  }

  /** Compares a status with what was known, remembers it, and queues a message per change. Returns the changes. */
  observe(status: Status, channels: readonly Channel[]): StateChange[] {
    const known = this.#db.prepare('SELECT state FROM known_state WHERE subject = ?');
    const remember = this.#db.prepare('INSERT OR REPLACE INTO known_state VALUES (?, ?, ?)');
    const queue = this.#db.prepare(
      'INSERT INTO outbox (channel, message, created_at, next_try_at) VALUES (?, ?, ?, ?)',
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
        for (const channel of channels) queue.run(channel, message, at, at);
        changes.push(change);
      }
      return changes;
    });
  }

  /**
   * The letter to try now: the oldest undelivered one of its channel, and no other before it, so that a reader never
   * sees "in order" before "failing".
   */
  due(channel: Channel, now: Date): Letter | undefined {
    const row = this.#db
      .prepare(
        `SELECT * FROM outbox WHERE channel = ? AND delivered_at IS NULL AND given_up_at IS NULL
         ORDER BY number LIMIT 1`,
      )
      .get(channel);
    if (row === undefined || String(row.next_try_at) > now.toISOString()) return undefined;
    const { number, attempts } = row;
    return {
      number: Number(number),
      channel,
      attempts: Number(attempts),
      message: JSON.parse(String(row.message)) as Message,
    };
  }

  delivered(number: number, at: Date): void {
    this.#db
      .prepare('UPDATE outbox SET delivered_at = ?, attempts = attempts + 1, error = NULL WHERE number = ?')
      .run(at.toISOString(), number);
  }

  /** Tries again later: after 1 minute, then twice as long each time, at most an hour; for a week. */
  failed(letter: Letter, at: Date, error: string): void {
    const wait = Math.min(60_000 * 2 ** letter.attempts, 3_600_000);
    this.#db
      .prepare(
        `UPDATE outbox SET attempts = attempts + 1, error = ?, next_try_at = ?,
           given_up_at = CASE WHEN created_at < ? THEN ? END WHERE number = ?`,
      )
      .run(
        error,
        new Date(at.getTime() + wait).toISOString(),
        new Date(at.getTime() - week).toISOString(),
        at.toISOString(),
        letter.number,
      );
  }

  /** Messages not delivered yet, and the newest reason. */
  waiting(): { count: number; oldest: Date | null; error: string | null } {
    const row = this.#db
      .prepare(
        `SELECT count(*) AS count, min(created_at) AS oldest, max(error) AS error FROM outbox
         WHERE delivered_at IS NULL AND given_up_at IS NULL`,
      )
      .get();
    return {
      count: Number(row?.count ?? 0),
      oldest: typeof row?.oldest === 'string' ? new Date(row.oldest) : null,
      error: typeof row?.error === 'string' ? row.error : null,
    };
  }

  /** Forgets delivered messages older than 90 days. */
  tidy(now: Date): void {
    this.#db
      .prepare('DELETE FROM outbox WHERE (delivered_at IS NOT NULL OR given_up_at IS NOT NULL) AND created_at < ?')
      .run(new Date(now.getTime() - 90 * 86_400_000).toISOString());
  }
}
