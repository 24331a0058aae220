import { hostname } from 'node:os';
import type pg from 'pg';
import { findPlanted } from './own-objects.ts';

/**
 * `socle.heartbeat` holds one row per writer with the time of its last write. What a restored copy holds of it shows
 * how much a restore would have lost, measured in the data itself.
 */
const present = `SELECT pg_catalog.to_regclass('socle.heartbeat') IS NOT NULL
    AND pg_catalog.has_table_privilege(pg_catalog.to_regclass('socle.heartbeat'), $1) AS ok`;

async function may(client: pg.ClientBase, privilege: string): Promise<boolean> {
  const { rows } = await client.query<{ ok: boolean | null }>(
    `SELECT n.oid IS NOT NULL AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS ok
     FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) 'socle'`,
  );
  if (!rows[0]?.ok) return false;
  const table = await client.query<{ ok: boolean | null }>({ text: present, values: [privilege] });
  return table.rows[0]?.ok === true;
}

/**
 * Newest heartbeat that this connection sees; null when there is no table, no row or no right to read it.
 * @param where in a `restored` copy whatever is called so is read: that server is a sandbox, and owners may be others
 */
export async function newestHeartbeat(
  client: pg.ClientBase,
  where: 'source' | 'restored' = 'source',
): Promise<Date | null> {
  if (!(await may(client, 'SELECT'))) return null;
  if (where === 'source' && (await findPlanted(client)).length > 0) return null;
  const { rows } = await client.query<{ at: Date | null }>('SELECT pg_catalog.max(at) AS at FROM socle.heartbeat');
  return rows[0]?.at ?? null;
}

/**
 * Writes now (the server's clock). Without the right to, on a standby, or where the table is not Socle's own, it does
 * nothing: then snapshot times count.
 */
export async function writeHeartbeat(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_catalog.pg_is_in_recovery() AS standby');
  if (rows[0]?.standby || !(await may(client, 'INSERT')) || !(await may(client, 'UPDATE'))) return;
  if ((await findPlanted(client)).length > 0) return;
  await client.query({
    text: `INSERT INTO socle.heartbeat (writer, at) VALUES ($1, pg_catalog.clock_timestamp())
           ON CONFLICT (writer) DO UPDATE SET at = excluded.at`,
    values: [hostname()],
  });
}
