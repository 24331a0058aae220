import type { DatabaseSync } from 'node:sqlite';
import { migrate } from '../../kernel/sqlite.ts';

const migrations = [
  `CREATE TABLE known_state (subject TEXT PRIMARY KEY, state TEXT NOT NULL, since TEXT NOT NULL) STRICT;
   CREATE TABLE outbox (
     number INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, message TEXT NOT NULL, created_at TEXT NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0, next_try_at TEXT NOT NULL, delivered_at TEXT, given_up_at TEXT, error TEXT
   ) STRICT;
   CREATE INDEX outbox_open ON outbox (channel, number) WHERE delivered_at IS NULL AND given_up_at IS NULL;`,
  // A letter per recipient. `answered`: its server put off this letter, and not all that is said to it.
  `ALTER TABLE outbox ADD COLUMN recipient TEXT;
   ALTER TABLE outbox ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE outbox ADD COLUMN first_try_at TEXT;
   DROP INDEX outbox_open;
   CREATE INDEX outbox_open ON outbox (channel, recipient, number) WHERE delivered_at IS NULL AND given_up_at IS NULL;
   CREATE INDEX outbox_ended ON outbox (channel, recipient, delivered_at, given_up_at);`,
];

export const migrateOutbox = (db: DatabaseSync): void => migrate(db, 'outbox', migrations);
