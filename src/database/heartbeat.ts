import { hostname } from 'node:os';
import type pg from 'pg';

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

/** Newest heartbeat that this connection sees; null when there is no table, no row or no right to read it. */
export async function newestHeartbeat(client: pg.ClientBase): Promise<Date | null> {
  if (!(await may(client, 'SELECT'))) return null;
  const { rows } = await client.query<{ at: Date | null }>('SELECT pg_catalog.max(at) AS at FROM socle.heartbeat');
  return rows[0]?.at ?? null;
}

/** Writes now (the server's clock). Without the right to, or on a standby, it does nothing: then snapshot times count. */
export async function writeHeartbeat(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_catalog.pg_is_in_recovery() AS standby');
  if (rows[0]?.standby || !(await may(client, 'INSERT')) || !(await may(client, 'UPDATE'))) return;
  await client.query({
    text: `INSERT INTO socle.heartbeat (writer, at) VALUES ($1, pg_catalog.clock_timestamp())
           ON CONFLICT (writer) DO UPDATE SET at = excluded.at`,
    values: [hostname()],
  });
}
