import type pg from 'pg';
import type { RestoredServer } from '../../database/restored-server.ts';
import { unhinder } from '../../database/unhindered.ts';

/** Runs `work` on a connection to a database of the restored server. When the signal aborts, its query is cancelled. */
export async function inCopy<T>(
  server: RestoredServer,
  database: string,
  work: (client: pg.Client) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const client = await server.connect(database);
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
    const cancel = () => void cancelQuery(server, database, rows[0]?.pid);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      await unhinder(client);
      return await work(client);
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  } finally {
    await client.end();
  }
}

/** Best effort: a server that is gone has no query left. */
async function cancelQuery(server: RestoredServer, database: string, pid: number | undefined): Promise<void> {
  try {
    const client = await server.connect(database);
    await client.query('SELECT pg_catalog.pg_terminate_backend($1)', [pid]).finally(() => client.end());
  } catch {
    // The work itself says what happened.
  }
}
