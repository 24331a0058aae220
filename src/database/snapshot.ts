import type pg from 'pg';
import { fail, SocleError } from '../kernel/errors.ts';
import type { ConnectionConfig } from '../platform/schema.ts';
import { connect } from './connect.ts';
import { ofUser, qualified } from './inventory-sql.ts';
import { pinSession } from './session.ts';
import { fromServer } from './sqlstate.ts';
import { replayedUntil } from './standby.ts';

/** One moment of a database, held open: what every part of a backup is read from. */
export interface SourceSnapshot {
  /** In a read-only transaction at that moment. */
  readonly client: pg.Client;
  /** Name for `pg_dump --snapshot` and `SET TRANSACTION SNAPSHOT`. */
  readonly name: string;
  /** What was committed before this moment is in it. The clock is the server's; on a standby, what it has replayed. */
  readonly at: Date;
  /** A standby cannot read unlogged tables, nor write heartbeats. */
  readonly standby: boolean;
  /** Why the server ended the connection, if it did: pg_dump then only says that the snapshot is invalid. */
  died(): Error | null;
  /** Lets the moment go and closes the connection. */
  close(): Promise<void>;
}

/** Opens a connection, pins its settings, and exports a snapshot that lives until it is closed. */
export async function openSnapshot(config: ConnectionConfig, signal?: AbortSignal): Promise<SourceSnapshot> {
  const client = await connect(config, signal);
  let death: Error | null = null;
  client.on('error', (error) => {
    if (fromServer(error)) death ??= error;
  });
  try {
    await pinSession(client);
    // Before the snapshot: later it may have replayed more.
    const replayed = await replayedUntil(client);
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await client.query<{ name: string; at: Date; standby: boolean }>(
      'SELECT pg_export_snapshot() AS name, statement_timestamp() AS at, pg_is_in_recovery() AS standby',
    );
    const row = rows[0];
    if (!row) throw fail('internal', 'the server exported no snapshot');
    return { client, ...row, at: replayed ?? row.at, died: () => death, close: () => client.end().catch(() => {}) };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/** The failure of whatever used the snapshot, or why that was gone under it. */
export function causeOf({ died }: SourceSnapshot, error: unknown): unknown {
  const elsewhere = error instanceof SocleError && !/^(database-|dump-failed)/.test(error.code);
  return elsewhere ? error : (died() ?? error);
}

/** Who holds a lock that keeps readers out, on what. */
const holdersSql = `SELECT l.relation::regclass::text AS relation, l.pid, a.usename AS role,
    a.application_name AS application, a.xact_start AS since
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.relation >= 16384 AND l.pid <> pg_backend_pid()
  ORDER BY l.granted DESC, a.xact_start LIMIT 5`;

/**
 * Takes the weakest lock on every table, so that none is dropped, rewritten or emptied by TRUNCATE until the snapshot
 * is closed: those three do not respect snapshots.
 * @param timeout milliseconds to wait for all of them together
 * @throws `database-locked`, naming what is locked and by whom
 */
export async function lockTables({ client }: SourceSnapshot, timeout: number): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT ${qualified('n', 'c.relname')} AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND ${ofUser('n', 'c.oid')} ORDER BY c.oid`,
  );
  if (rows.length === 0) return;
  try {
    await client.query(`SET LOCAL statement_timeout = ${Math.round(timeout)}`);
    await client.query(`LOCK TABLE ${rows.map((row) => `ONLY ${row.name}`).join(', ')} IN ACCESS SHARE MODE`);
    await client.query('SET LOCAL statement_timeout = 0');
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== '57014' && code !== '55P03') throw error;
    await client.query('ROLLBACK');
    const holders = (await client.query(holdersSql)).rows;
    const named = holders.map(
      (row) => `${row.relation} by process ${row.pid} of ${row.role}${row.application ? ` (${row.application})` : ''}`,
    );
    throw fail(
      'database-locked',
      `no lock on every table within ${timeout / 1_000} s${named.length > 0 ? `; locked: ${named.join(', ')}` : ''}`,
      { holders },
      error,
    );
  }
}

/** Catalogs whose definitions PostgreSQL prints as they are now, not as the snapshot sees them. */
const watched = [
  ['pg_class', `relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND relpersistence <> 't' AND oid >= 16384`],
  ['pg_attribute', `attrelid >= 16384 AND attrelid NOT IN (SELECT oid FROM pg_class WHERE relpersistence = 't')`],
  ['pg_attrdef', `adrelid NOT IN (SELECT oid FROM pg_class WHERE relpersistence = 't')`],
  ['pg_constraint', `conrelid NOT IN (SELECT oid FROM pg_class WHERE relpersistence = 't')`],
  ['pg_trigger', 'NOT tgisinternal'],
  ['pg_rewrite', `ev_class NOT IN (SELECT oid FROM pg_class WHERE relpersistence = 't')`],
  ['pg_type', `typnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')`],
  ['pg_namespace', `nspname !~ '^pg_(toast_)?temp_'`],
  ...['pg_policy', 'pg_proc', 'pg_operator', 'pg_opclass', 'pg_opfamily', 'pg_cast', 'pg_collation', 'pg_ts_config'],
  ...['pg_extension', 'pg_statistic_ext', 'pg_publication', 'pg_publication_rel', 'pg_foreign_server', 'pg_database'],
  ...['pg_auth_members', 'pg_db_role_setting', 'pg_event_trigger', 'pg_default_acl'],
].map((entry) => (typeof entry === 'string' ? [entry, 'true'] : entry)) as [string, string][];

/**
 * One text per catalog that changes with every change of a definition: row versions, added up. Read in the snapshot
 * and again outside of it, equal texts mean that no definition changed in between.
 * @param passwords the role may read those of roles, which are to be kept
 */
export async function definitionVersions(client: pg.ClientBase, passwords: boolean): Promise<Record<string, string>> {
  // The end of a role's password is a moment, and its text depends on the time zone of the database or the role.
  await pinSession(client);
  const read: typeof watched = passwords ? [...watched, ['pg_authid', 'true']] : watched;
  const parts = read.map(
    ([catalog, where]) =>
      `SELECT '${catalog}' AS catalog, count(*) || ':' || coalesce(sum(hashtextextended(tableoid || ' ' || ctid::text || ' ' || xmin::text, 0)), 0) AS version
       FROM ${catalog} WHERE ${where}`,
  );
  parts.push(
    `SELECT 'pg_roles', count(*) || ':' || coalesce(sum(hashtextextended((r.*)::text, 0)), 0) FROM pg_roles r`,
  );
  const { rows } = await client.query<{ catalog: string; version: string }>(parts.join(' UNION ALL '));
  return Object.fromEntries(rows.map((row) => [row.catalog, row.version]));
}

/** Catalogs whose texts differ. */
export function changedDefinitions(before: Record<string, string>, after: Record<string, string>): string[] {
  return Object.keys(before).filter((catalog) => before[catalog] !== after[catalog]);
}

/** OID of each system catalog by its name. */
export async function catalogOids(client: pg.ClientBase): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; oid: string }>(
    `SELECT relname AS name, oid::text AS oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'`,
  );
  return Object.fromEntries(rows.map(({ name, oid }) => [name, oid]));
}
