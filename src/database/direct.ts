import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { fail } from '../kernel/errors.ts';
import type { ConnectionConfig } from '../platform/schema.ts';

/** Which server a connection ended at. */
export interface ServerIdentity {
  /** When it was started, to the microsecond: no two servers share it. */
  readonly started: string;
  /** Its own address and port; empty for a socket. */
  readonly address: string;
  readonly standby: boolean;
}

const identities = new WeakMap<pg.ClientBase, ServerIdentity>();

/** Where a connection of `connect` ended. */
export const serverOf = (client: pg.ClientBase): ServerIdentity | undefined => identities.get(client);

/**
 * A word that only the session of this one connection knows, as libpq's `options`: a pooler refuses it, or drops it, or
 * hands us a session that was started for another connection.
 */
export function sessionMark(): { readonly mark: string; readonly options: string } {
  const mark = randomUUID();
  return { mark, options: `-c socle.connection=${mark}` };
}

/** How a pooler says that it takes no options (PgBouncer, whose own SQLSTATE is that of a protocol violation). */
export const refusesOptions = (code: string, message: string) =>
  /startup parameter/i.test(message) && /^(08P01|08000|)$/.test(code);

/**
 * Makes sure that the session is that of the connection: started for it, and the process that the connection was told.
 * Only reads, so that a pooled session is left as it was.
 * @throws `database-pooled`
 */
export async function requireDirect(client: pg.ClientBase, mark: string, config: ConnectionConfig): Promise<void> {
  const { rows } = await client.query<ServerIdentity & { mark: string | null; pid: number }>(
    `SELECT pg_catalog.current_setting('socle.connection', true) AS mark, pg_catalog.pg_backend_pid() AS pid,
       pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::text AS started,
       pg_catalog.concat_ws(' port ', pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.inet_server_port()) AS address,
       pg_catalog.pg_is_in_recovery() AS standby`,
  );
  const [row] = rows;
  // What the server said at the beginning of the connection; node-postgres keeps it for cancel requests.
  const { processID } = client as pg.ClientBase & { readonly processID?: number | null };
  if (row?.mark !== mark) throw pooled(config, 'the session behind the connection was not started for it');
  if (row.pid !== processID)
    throw pooled(config, 'the session belongs to another process than the connection was told');
  identities.set(client, { started: row.started, address: row.address, standby: row.standby });
}

/** @param sign how it was noticed */
export function pooled({ host, port }: ConnectionConfig, sign: string, cause?: unknown) {
  return fail(
    'database-pooled',
    `${host}${host.startsWith('/') ? '' : ` port ${port}`} is not the PostgreSQL server itself: ${sign}`,
    { host, port },
    cause,
  );
}
