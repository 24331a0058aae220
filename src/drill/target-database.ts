import pg from 'pg';
import type { Inventory, InventoryObject } from '../database/inventory-schema.ts';
import type { RestoredServer } from '../database/restored-server.ts';
import { fail } from '../kernel/errors.ts';
import { createDatabase } from './proof/rebuild.ts';

const quote = pg.escapeIdentifier;

/** What is where a restore is to go. */
export interface TargetState {
  readonly exists: boolean;
  /** Objects that somebody made there; 0 is an empty database. */
  readonly objects: number;
  /** Roles that own something in the backup and that the server has not. */
  readonly missingRoles: readonly string[];
}

const userObjects = `SELECT (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relnamespace NOT IN
      (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema'))
  + (SELECT count(*) FROM pg_catalog.pg_proc WHERE oid >= 16384) + (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata)
  + (SELECT count(*) FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_') AS objects`;

/** @param maintenance a database that is there */
export async function inspectTarget(
  server: RestoredServer,
  database: string,
  maintenance: string,
  inventory: Inventory,
): Promise<TargetState> {
  const owners = new Set(inventory.objects.map(({ properties }) => properties.owner).filter((owner) => owner != null));
  const client = await server.connect(maintenance);
  const known = await client
    .query<{ exists: boolean; missing: string[] }>(
      `SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1) AS exists, ARRAY(SELECT o FROM pg_catalog.unnest($2::text[]) o
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = o) ORDER BY o) AS missing`,
      [database, [...owners]],
    )
    .finally(() => client.end());
  const { exists = false, missing = [] } = known.rows[0] ?? {};
  if (!exists) return { exists, objects: 0, missingRoles: missing };
  const inside = await server.connect(database);
  const { rows } = await inside.query<{ objects: string }>(userObjects).finally(() => inside.end());
  return { exists, objects: Number(rows[0]?.objects), missingRoles: missing };
}

/** Makes an empty database as the source's was: encoding, locale. */
export async function makeTarget(server: RestoredServer, database: string, maintenance: string, inventory: Inventory) {
  const client = await server.connect(maintenance);
  await client.query(createDatabase(database, inventory.server)).finally(() => client.end());
}

/**
 * Gives the database what `pg_restore --create` gives only under the source's own name: owner, rights, limits, comment
 * and settings.
 */
export async function describeTarget(server: RestoredServer, database: string, inventory: Inventory): Promise<void> {
  const client = await server.connect(database);
  const name = quote(database);
  const properties = inventory.objects.find(({ kind }) => kind === 'database')?.properties ?? {};
  try {
    await client.query('SET default_transaction_read_only = off');
    if (typeof properties.owner === 'string') {
      await client.query(`ALTER DATABASE ${name} OWNER TO ${quote(properties.owner)}`);
    }
    await client.query(`ALTER DATABASE ${name} CONNECTION LIMIT ${Number(properties.connectionLimit ?? -1)}`);
    if (typeof properties.comment === 'string') {
      await client.query(`COMMENT ON DATABASE ${name} IS ${pg.escapeLiteral(properties.comment)}`);
    }
    if (typeof properties.acl === 'string') await grant(client, 'DATABASE', name, properties.acl);
    for (const setting of inventory.objects) if (setting.kind === 'setting') await set(client, name, setting);
  } catch (error) {
    throw fail(
      'restore-failed',
      `the properties of ${database} could not be restored: ${(error as Error).message}`,
      {},
      error,
    );
  } finally {
    await client.end();
  }
}

/** @param acl access control items as PostgreSQL prints them, separated by spaces; names in them may be quoted */
export function splitAcl(acl: string): string[] {
  return acl.match(/(?:"(?:[^"]|"")*"|[^\s"])+/g) ?? [];
}

/** Gives an object exactly these rights. */
export async function grant(
  client: pg.Client,
  kind: 'DATABASE' | 'TABLESPACE',
  name: string,
  acl: string,
): Promise<void> {
  const { rows } = await client.query<{ grantee: string | null; privilege: string; option: boolean }>(
    `SELECT CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END AS grantee,
       a.privilege_type AS privilege, a.is_grantable AS option FROM pg_catalog.aclexplode($1::text[]::aclitem[]) a`,
    [splitAcl(acl)],
  );
  await client.query(`REVOKE ALL ON ${kind} ${name} FROM PUBLIC`);
  for (const { grantee, privilege, option } of rows) {
    const to = grantee === null ? 'PUBLIC' : quote(grantee);
    await client.query(`GRANT ${privilege} ON ${kind} ${name} TO ${to}${option ? ' WITH GRANT OPTION' : ''}`);
  }
}

/** Settings of the database, and of a role in it: `database: search_path`, `role shop in database: work_mem`. */
async function set(client: pg.Client, database: string, { name, properties }: InventoryObject): Promise<void> {
  const match = /^(?:role (.+) in )?database: (.+)$/s.exec(name);
  const [, role, parameter] = match ?? [];
  if (parameter === undefined || typeof properties.value !== 'string') return;
  const subject = role === undefined ? `DATABASE ${database}` : `ROLE ${role} IN DATABASE ${database}`;
  // The value is set as it was stored, and taken from there: it may be a list with quotes of its own. For one transaction
  // alone, which has begun: the next setting must not be refused because of this one.
  await client.query('BEGIN');
  await client.query('SELECT pg_catalog.set_config($1, $2, true)', [parameter, properties.value]);
  await client.query(`ALTER ${subject} SET ${parameter.split('.').map(quote).join('.')} FROM CURRENT`);
  await client.query('COMMIT');
}
