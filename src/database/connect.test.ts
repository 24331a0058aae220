import { chmodSync, chownSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { descendants } from '../../test/support/children.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { run } from '../kernel/process.ts';
import { type ConnectionConfig, type DatabaseConfig, platformSchema } from '../platform/schema.ts';
import { clientTools } from './client-tools.ts';
import { connect } from './connect.ts';
import { startDump } from './dump.ts';

/** Loopback addresses of this run's own, so that every server here can use the usual port. */
const network = `127.${1 + (process.pid % 250)}.${Math.floor(process.pid / 250) % 250}`;
const [named, unnamed] = [`${network}.1`, `${network}.2`] as const;
const canary = 'canary:pass\\word-4711';
let server: TestServer;
let directory: string;

/** An authority, and a certificate of it for the first address. */
async function makeCertificates() {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test authority',
    '-days',
    '2',
  );
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'other.key',
    '-out',
    'other.pem',
    '-subj',
    '/CN=another',
    '-days',
    '2',
  );
  await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server');
  writeFileSync(join(directory, 'san'), `subjectAltName=IP:${named}`);
  await openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'server.pem',
    '-days',
    '2',
    '-extfile',
    'san',
  );
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-tls-'));
  chmodSync(directory, 0o755);
  await makeCertificates();
  server = await startPostgres({
    config: [`listen_addresses = '${named},${unnamed}'`],
    hba: ['hostssl all locked 127.0.0.0/8 scram-sha-256', 'hostssl all all 127.0.0.0/8 trust'],
  });
  const owner = statSync(server.data);
  const [certificate, key] = ['server.pem', 'server.key'].map((name) => {
    const target = join(server.data, name);
    writeFileSync(target, readFileSync(join(directory, name)), { mode: 0o600 });
    chownSync(target, owner.uid, owner.gid);
    return target;
  });
  await server.sql(`CREATE ROLE locked LOGIN PASSWORD '${canary}'`);
  await server.sql(`ALTER SYSTEM SET ssl_cert_file = '${certificate}'`);
  await server.sql(`ALTER SYSTEM SET ssl_key_file = '${key}'`);
  await server.sql('ALTER SYSTEM SET ssl = on');
  await server.sql('SELECT pg_reload_conf()');
  for (let on = false; !on; ) on = (await server.sql('SHOW ssl')).rows[0]?.ssl === 'on';
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function config(tls: object, more: object = {}): ConnectionConfig {
  const platform = platformSchema.parse({
    name: 'test',
    environment: 'dev',
    databases: [{ name: 'x', connection: { host: named, database: 'postgres', user: 'postgres', tls, ...more } }],
  });
  return platform.databases[0]?.connection as ConnectionConfig;
}

const tools = async () =>
  clientTools(Number.parseInt((await server.sql('SHOW server_version')).rows[0]?.server_version, 10));
const ca = () => join(directory, 'ca.pem');
const other = () => join(directory, 'other.pem');

/** Both ways into the database: ours, and that of PostgreSQL's programs. */
async function outcome(connection: ConnectionConfig): Promise<{ ours: string; theirs: string }> {
  const ours = await connect(connection).then(
    async (client) => {
      await client.end();
      return 'ok';
    },
    (error) => error.code as string,
  );
  const database = { connection, lock_timeout: 1_000 } as DatabaseConfig;
  // A snapshot that does not exist: pg_dump gets as far as asking for it exactly when it got in.
  const dump = await startDump(await tools(), database, '00000000-00000000-1', 2);
  const theirs = await dump.done.then(
    () => 'ok',
    (error) => (/snapshot/.test(String(error.details.output)) ? 'ok' : 'refused'),
  );
  return { ours, theirs };
}

test.each([
  ['disable', {}, 'database-denied', 'refused'],
  ['require', {}, 'ok', 'ok'],
  ['require with a wrong authority', { mode: 'require', ca: other }, 'database-untrusted', 'refused'],
  ['verify-ca', { ca }, 'ok', 'ok'],
  ['verify-ca with a wrong authority', { mode: 'verify-ca', ca: other }, 'database-untrusted', 'refused'],
  ['verify-ca without an authority', { mode: 'verify-ca' }, 'database-untrusted', 'refused'],
  ['verify-ca by an address that is not in the certificate', { mode: 'verify-ca', ca, host: unnamed }, 'ok', 'ok'],
  ['verify-full', { ca }, 'ok', 'ok'],
  [
    'verify-full by an address that is not in the certificate',
    { mode: 'verify-full', ca, host: unnamed },
    'database-untrusted',
    'refused',
  ],
] as const)(
  'TLS %s means what libpq means by it',
  async (name, options: { mode?: string; ca?: () => string; host?: string }, ours, theirs) => {
    const tls = { mode: options.mode ?? name, ...(options.ca ? { ca: options.ca() } : {}) };
    const connection = config(tls, options.host ? { host: options.host } : {});
    expect(await outcome(connection)).toEqual({ ours, theirs });
  },
);

test('a password comes from a file or a command, and is seen in no process list, environment or file', async () => {
  const file = join(directory, 'password');
  writeFileSync(file, `${canary}\n`, { mode: 0o600 });
  for (const password of [{ file }, { command: ['cat', file] }]) {
    expect(await outcome(config({ mode: 'require' }, { user: 'locked', password }))).toEqual({
      ours: 'ok',
      theirs: 'ok',
    });
  }
  writeFileSync(file, 'wrong\n');
  expect(await outcome(config({ mode: 'require' }, { user: 'locked', password: { file } }))).toEqual({
    ours: 'database-denied',
    theirs: 'refused',
  });

  writeFileSync(file, `${canary}\n`);
  const connection = config({ mode: 'require' }, { user: 'locked', password: { file } });
  const holder = await connect(connection);
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const { rows } = await holder.query('SELECT pg_export_snapshot() AS name');
  const dump = await startDump(await tools(), { connection, lock_timeout: 5_000 } as DatabaseConfig, rows[0].name, 2);
  const seen = await descendants();
  expect(seen.map(({ name }) => name)).toContain('pg_dump');
  for (const one of seen) expect(`${one.command} ${one.environment}`).not.toContain('canary');
  dump.process.kill('SIGKILL');
  await dump.done.catch(() => {});
  await holder.end();
});

test('failures say which', async () => {
  await expect(connect(config({ mode: 'require' }, { port: 1 }))).rejects.toMatchObject({
    code: 'database-unreachable',
  });
  await expect(connect(config({ mode: 'require' }, { host: '/nowhere' }))).rejects.toMatchObject({
    code: 'database-unreachable',
  });
  await expect(connect(config({ mode: 'require' }, { database: 'nope' }))).rejects.toMatchObject({
    code: 'database-missing',
  });
  await expect(connect(config({ mode: 'require' }, { user: 'nobody_at_all' }))).rejects.toMatchObject({
    code: 'database-denied',
  });
});

test('client tools of a version that is not installed are named with their package', async () => {
  await expect(clientTools(99)).rejects.toMatchObject({
    code: 'tool-missing',
    details: { package: 'postgresql-client-99' },
  });
});
