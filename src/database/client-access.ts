import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecret } from '../kernel/secret.ts';
import type { ConnectionConfig } from '../platform/schema.ts';
import { isSocket, systemAuthorities } from './connect.ts';
import { dumpOptions } from './dump-options.ts';

/** How a program of PostgreSQL's (libpq) gets the same connection as `connect`: nothing secret in argv or environment. */
export interface ClientAccess {
  readonly env: Readonly<Record<string, string>>;
  /** Descriptors to hand to the child after stdin, stdout and stderr. */
  readonly descriptors: readonly number[];
  /** To be called once the children have been started. */
  close(): void;
}

/** The connection as libpq's environment. https://www.postgresql.org/docs/current/libpq-envars.html */
function environment(config: ConnectionConfig): Record<string, string> {
  const { mode, ca, cert, key } = config.tls;
  const env: Record<string, string> = {
    PGHOST: config.host,
    PGPORT: String(config.port),
    PGUSER: config.user,
    PGDATABASE: config.database,
    PGAPPNAME: 'socle',
    PGCONNECT_TIMEOUT: '15',
    PGGSSENCMODE: 'disable',
    PGSSLMODE: isSocket(config) ? 'disable' : mode,
    PGOPTIONS: dumpOptions,
  };
  if (isSocket(config) || mode === 'disable') return env;
  if (ca !== undefined || mode !== 'require') env.PGSSLROOTCERT = ca ?? systemAuthorities;
  if (cert !== undefined) env.PGSSLCERT = cert;
  if (key !== undefined) env.PGSSLKEY = key;
  return env;
}

const passfileText = (text: string) => text.replace(/[\\:]/g, '\\$&');

/**
 * The password goes through a password file (mode 0600) that is already unlinked when the child reads it by its
 * descriptor: a crash at any moment leaves no secret on the disk.
 */
export async function clientAccess(config: ConnectionConfig, signal?: AbortSignal): Promise<ClientAccess> {
  const env = environment(config);
  if (!config.password) return { env, descriptors: [], close: () => {} };
  const password = (await readSecret(config.password, signal)).reveal();
  const directory = await mkdtemp(join(tmpdir(), 'socle-access-'));
  try {
    const file = join(directory, 'pgpass');
    const descriptor = openSync(file, 'wx+', 0o600);
    rmSync(file);
    writeSync(descriptor, `*:*:*:*:${passfileText(password)}\n`);
    let open = true;
    return {
      env: { ...env, PGPASSFILE: '/dev/fd/3' },
      descriptors: [descriptor],
      close: () => {
        if (open) closeSync(descriptor);
        open = false;
      },
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
