import type pg from 'pg';
import { SocleError } from '../kernel/errors.ts';
import type { ConnectionConfig } from '../platform/schema.ts';
import { connect } from './connect.ts';
import { pooled, serverOf } from './direct.ts';

/** A load balancer that takes its servers in turns sends one of these to another one than the connection that is there. */
const probes = 2;

/**
 * Makes sure that more connections end at the server where `client` did: a backup needs several, to one server.
 * @throws `database-pooled`
 */
export async function requireOneServer(
  config: ConnectionConfig,
  client: pg.ClientBase,
  signal?: AbortSignal,
): Promise<void> {
  for (let probe = 0; probe < probes; probe += 1) {
    const other = await connect(config, signal).catch((error: unknown) => {
      // Whether there are slots enough is for the backup itself to find out.
      if (error instanceof SocleError && error.code === 'database-exhausted') return null;
      throw error;
    });
    if (!other) return;
    try {
      requireSameServer(config, client, other);
    } finally {
      await other.end().catch(() => {});
    }
  }
}

/** @throws `database-pooled` when these connections (of `connect`) ended at different servers */
export function requireSameServer(config: ConnectionConfig, one: pg.ClientBase, other: pg.ClientBase): void {
  const [a, b] = [serverOf(one), serverOf(other)];
  if (!a || !b || a.started === b.started) return;
  const named = [a, b].map(
    ({ address, standby }) => `${standby ? 'a standby' : 'a primary'}${address && ` at ${address}`}`,
  );
  throw pooled(
    config,
    `two connections ended at different servers (${named.join(', ')}), or it was restarted meanwhile`,
  );
}
