import { join } from 'node:path';
import type pg from 'pg';
import { type ClientAccess, clientAccess } from '../database/client-access.ts';
import { clientTools } from '../database/client-tools.ts';
import { connect } from '../database/connect.ts';
import type { RestoredServer } from '../database/restored-server.ts';
import { versionNumber } from '../database/session.ts';
import { allowedOptions, unhinder } from '../database/unhindered.ts';
import { start } from '../kernel/process.ts';
import type { ConnectionConfig } from '../platform/schema.ts';

/** A server that a restore is meant for, with PostgreSQL's programs of its version. */
export interface TargetServer extends RestoredServer {
  /** Forgets the password. */
  close(): void;
}

/**
 * A server to restore onto for real: it belongs to the operator, so the programs run as they would by hand, with the
 * password in a file that is already unlinked.
 * @param config its `database` is the one to ask first
 * @throws what `connect` says, `tool-missing`
 */
export async function openTarget(config: ConnectionConfig, signal?: AbortSignal): Promise<TargetServer> {
  const client = await connect(config, signal);
  const [version, options] = await settingsOf(client).finally(() => client.end());
  const { bin } = await clientTools(Math.floor(version / 10_000));
  const access: ClientAccess = await clientAccess(config, signal);
  return {
    versionNumber: version,
    options,
    async connect(database) {
      const opened = await connect({ ...config, database }, signal);
      await unhinder(opened);
      return opened;
    },
    start: (program, args, _readable, options = {}) =>
      start(join(bin, program), args, {
        ...options,
        env: { ...access.env, PGDATABASE: undefined, ...options.env },
        stdio: [...(options.stdio ?? ['ignore', 'pipe', 'pipe']), ...access.descriptors],
      }),
    close: () => access.close(),
  };
}

async function settingsOf(client: pg.Client): Promise<[number, NonNullable<RestoredServer['options']>]> {
  const version = await versionNumber(client);
  const restore = await allowedOptions(client, version);
  return [version, { restore, dump: await allowedOptions(client, version, true) }];
}
