import type { DatabaseSync } from 'node:sqlite';
import { fail } from '../kernel/errors.ts';
import { migrate, openDatabase } from '../kernel/sqlite.ts';
import { statePaths } from './paths.ts';
import type { Platform } from './schema.ts';

const migrations = ['CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), platform TEXT NOT NULL) STRICT'];

/**
 * Opens the state database of a platform. It belongs to the first platform that opens it: catalog, audit trail and status
 * know databases by their names, and two platforms may both have a `shop`.
 * @throws `state-of-another` when it belongs to another platform; nothing was written then
 */
export function openPlatformState(platform: Platform): DatabaseSync {
  const { database } = statePaths(platform);
  const db = openDatabase(database);
  try {
    const owner = ownerOf(db, platform.name);
    if (owner === platform.name) return db;
    const said = `this state belongs to the platform ${owner}, and the platform file is of ${platform.name}: ${database}`;
    throw fail('state-of-another', said, { file: database, owner, platform: platform.name });
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Who the state belongs to: `name` when it was nobody's. Of two that come at once one is first. */
function ownerOf(db: DatabaseSync, name: string): string {
  migrate(db, 'owner', migrations);
  const owner = () => db.prepare('SELECT platform FROM owner').get()?.platform;
  const known = owner();
  if (known !== undefined) return String(known);
  db.prepare('INSERT INTO owner VALUES (1, ?) ON CONFLICT DO NOTHING').run(name);
  return String(owner());
}
