import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import { checkServerIdentity } from 'node:tls';
import pg from 'pg';
import { fail, SocleError } from '../kernel/errors.ts';
import { readSecret } from '../kernel/secret.ts';
import type { ConnectionConfig } from '../platform/schema.ts';
import { pooled, refusesOptions, requireDirect, sessionMark } from './direct.ts';
import { fromServer, serverFailure } from './sqlstate.ts';

/** Where Debian keeps the authorities that the system trusts: used when a verifying mode names none. */
export const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt';

/** A host that starts with a slash is a socket directory: TLS does not apply there, as in libpq. */
export const isSocket = (config: ConnectionConfig) => config.host.startsWith('/');

/**
 * Node's TLS options with libpq's meaning of the mode: `require` encrypts and trusts anyone (unless an authority is
 * named, then it is `verify-ca`); `verify-ca` checks the chain, `verify-full` the host name as well.
 * https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
 */
async function tlsOptions(config: ConnectionConfig): Promise<pg.ClientConfig['ssl']> {
  const { mode, ca, cert, key } = config.tls;
  if (mode === 'disable' || isSocket(config)) return false;
  const read = async (file: string) => {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      throw fail('database-untrusted', `${file}, named under tls, could not be read`, { file }, error);
    }
  };
  const verify = mode !== 'require' || ca !== undefined;
  return {
    rejectUnauthorized: verify,
    ...(verify ? { ca: await read(ca ?? systemAuthorities) } : {}),
    ...(cert ? { cert: await read(cert) } : {}),
    ...(key ? { key: await read(key) } : {}),
    checkServerIdentity: (_name, peer) => (mode === 'verify-full' ? checkServerIdentity(config.host, peer) : undefined),
    ...(isIP(config.host) ? {} : { servername: config.host }),
  };
}

/** `shop on db.example.org:5432 as socle_backup`, for messages. */
export function describeConnection({ database, host, port, user }: ConnectionConfig): string {
  return `${database} on ${host}${host.startsWith('/') ? '' : `:${port}`} as ${user}`;
}

function explain(config: ConnectionConfig, error: unknown): SocleError {
  if (error instanceof SocleError) return error;
  const { code = '', message } = error as Error & { code?: string };
  const where = describeConnection(config);
  const details = { host: config.host, port: config.port, database: config.database, user: config.user, cause: code };
  if (refusesOptions(code, message)) return pooled(config, `it answers \u201c${message}\u201d`, error);
  if (code.startsWith('28') || code === '42501') {
    const next = /^Peer authentication failed/i.test(message) ? peerAdvice(config.user) : undefined;
    return fail(
      'database-denied',
      `the server refuses ${where}: ${message}`,
      { ...details, ...(next ? { next } : {}) },
      error,
    );
  }
  if (code === '3D000') return fail('database-missing', `there is no database ${where}`, details, error);
  if (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_)/.test(code) || /SSL/.test(message)) {
    return fail('database-untrusted', `no trusted TLS connection to ${where}: ${message}`, details, error);
  }
  if (fromServer(error)) return serverFailure(where, error);
  return fail('database-unreachable', `${where} does not answer: ${message}`, details, error);
}

/** `peer` compares the role with the user of the operating system; a map in pg_ident.conf says who may be whom. */
function peerAdvice(role: string): string {
  const user = userInfo().username;
  return (
    `let the user ${user} be this role: add \`socle ${user} ${role}\` to pg_ident.conf and ` +
    `\`local all ${role} peer map=socle\` as the first line of pg_hba.conf, then reload the server`
  );
}

/** An error of a query on an open connection as one of ours: the connection was lost, or the server says why not. */
export function explainQuery(config: ConnectionConfig, error: unknown): unknown {
  if (error instanceof SocleError || !(error instanceof Error)) return error;
  const { code = '', message } = error as Error & { code?: string };
  const where = describeConnection(config);
  if (fromServer(error)) return serverFailure(where, error);
  if (/^(ECONN|EPIPE|ETIMEDOUT)/.test(code) || /^(Connection terminated|Client has encountered)/.test(message)) {
    return fail('database-unreachable', `${where} went away: ${message}`, { cause: code }, error);
  }
  return error;
}

/** Only on a session that is ours alone: it ends with the connection. Sessions of ours neither time out half-way nor go on for a caller who left. Names that a version lacks are skipped. */
const untimed = `SELECT pg_catalog.set_config(s.name, v.value, false)
  FROM (VALUES ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'), ('transaction_timeout', '0'), ('client_connection_check_interval', '5s'),
    ('default_transaction_isolation', 'read committed'), ('default_transaction_deferrable', 'off'),
    ('default_transaction_read_only', 'off')) v(name, value)
  JOIN pg_catalog.pg_settings s ON s.name OPERATOR(pg_catalog.=) v.name`;

/**
 * An open connection; the caller ends it. When `signal` aborts, it is cut and what is running on it rejects.
 * @throws `database-unreachable`, `database-denied`, `database-missing`, `database-untrusted`, `database-pooled`,
 *   `database-exhausted`, `secret-unreadable`
 */
export async function connect(config: ConnectionConfig, signal?: AbortSignal): Promise<pg.Client> {
  signal?.throwIfAborted();
  const password = config.password ? (await readSecret(config.password, signal)).reveal() : undefined;
  const { mark, options } = sessionMark();
  const client = new pg.Client({
    options,
    host: config.host,
    port: config.port,
    database: config.database,
    user: config.user,
    ...(password === undefined ? {} : { password }),
    ssl: await tlsOptions(config),
    application_name: 'socle',
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
  });
  // A connection that dies while idle must not end the process: the next query rejects.
  client.on('error', () => {});
  const cut = () => client.connection.stream.destroy();
  try {
    await client.connect();
    signal?.addEventListener('abort', cut, { once: true });
    client.once('end', () => signal?.removeEventListener('abort', cut));
    await requireDirect(client, mark, config);
    await client.query(untimed);
  } catch (error) {
    cut();
    throw explain(config, error);
  }
  signal?.throwIfAborted();
  return client;
}
