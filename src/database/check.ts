import type pg from 'pg';
import { asSocleError } from '../kernel/errors.ts';
import type { DatabaseConfig, DrillConfig } from '../platform/schema.ts';
import { clientTools } from './client-tools.ts';
import { connect } from './connect.ts';
import { takeInventory } from './inventory.ts';
import { requireOneServer } from './one-server.ts';
import { findPlanted, plantedNext } from './own-objects.ts';
import { findBlindSpots, findUnreadable, type Unreadable } from './preflight.ts';
import { hostFacts } from './scratch-host.ts';
import { lacking } from './scratch-lacks.ts';
import { preflightRestore } from './scratch-preflight.ts';
import { standbyNotes } from './standby.ts';

/** What stands in the way of backups and drills of one database, found without taking one. */
export interface DatabaseCheck {
  readonly database: string;
  /** True when nothing stands in the way. */
  readonly ok: boolean;
  /** Version of the server. */
  readonly server: string;
  /** `pg_database_size`, bytes. */
  readonly bytes: number;
  /** Why there is no pg_dump for this server, and what to install; null when there is one. */
  readonly tools: string | null;
  /** What the role cannot read, with the SQL that helps. */
  readonly unreadable: readonly Unreadable[];
  /** What no right makes readable: backups are `incomplete` because of it. */
  readonly blindSpots: readonly string[];
  /** The role may write the heartbeat row, which data loss is measured by. */
  readonly heartbeat: boolean;
  /** Why Socle does not touch the objects of its own in this database: somebody else made or changed them. */
  readonly planted: readonly string[];
  /** Why a drill could not run on this machine, each with what to do. */
  readonly drill: readonly string[];
  readonly notes: readonly string[];
}

/**
 * @param scratch directory of scratch servers: its disk is what a drill has
 * @throws `database-…` when the server cannot be reached
 */
export async function checkDatabase(
  database: DatabaseConfig,
  limits: DrillConfig['limits'],
  scratch: string,
  signal?: AbortSignal,
): Promise<DatabaseCheck> {
  const client = await connect(database.connection, signal);
  try {
    await requireOneServer(database.connection, client, signal);
    const unreadable = await findUnreadable(client, database.role_passwords);
    const blindSpots = await findBlindSpots(client);
    const planted = await findPlanted(client);
    const heartbeat = planted.length === 0 && (await mayWriteHeartbeat(client));
    const inventory = await takeInventory(client);
    const { major, version } = inventory.server;
    const tools = await clientTools(major).then(
      () => null,
      (error) =>
        `${asSocleError(error).message}: ${asSocleError(error).details.next ?? asSocleError(error).failure.next}`,
    );
    // The archive is not there yet: the size of the database is more than it will have.
    const host = await hostFacts(major, scratch);
    const { problems, notes } = preflightRestore(inventory, inventory.bytes, host, limits);
    const lacks = problems.length > 0 ? [] : await lacking(inventory, host, scratch, signal);
    const drill = [...problems, ...lacks].map(({ message, next }) => `${message}: ${next}`);
    return {
      database: database.name,
      ok: tools === null && unreadable.length + blindSpots.length + drill.length + planted.length === 0,
      server: version,
      bytes: inventory.bytes,
      tools,
      unreadable,
      blindSpots,
      heartbeat,
      planted: planted.length === 0 ? [] : [...planted, plantedNext],
      drill,
      notes: [...(await standbyNotes(client)), ...notes],
    };
  } finally {
    await client.end();
  }
}

async function mayWriteHeartbeat(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT NOT pg_is_in_recovery() AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT, UPDATE') AS may
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'socle' AND c.relname = 'heartbeat'`,
  );
  return rows[0]?.may ?? false;
}
