import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { clientTools } from '../database/client-tools.ts';
import { connect, explainQuery } from '../database/connect.ts';
import { dumpFailure, dumpRoles, startDump } from '../database/dump.ts';
import { asSocleError, failures } from '../kernel/errors.ts';
import { run, start } from '../kernel/process.ts';
import type { ConnectionConfig, DatabaseConfig } from '../platform/schema.ts';
import { resticFailure } from './restic-errors.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres({ config: ['superuser_reserved_connections = 1'] });
});
afterAll(() => server?.stop());

const connection = (more: Partial<ConnectionConfig> = {}): ConnectionConfig => ({
  host: server.host,
  port: server.port,
  database: 'postgres',
  user: 'postgres',
  tls: { mode: 'disable' },
  ...more,
});

/** What every message needs, and what none may be. */
function expectClassed(error: unknown, what: string) {
  const failure = asSocleError(explainQuery(connection(), error));
  expect(failure.code, what).not.toBe('internal');
  expect(failure.message, what).not.toBe('');
  expect(failures[failure.code].next, what).not.toBe('');
  return failure;
}

/** PostgreSQL's own list of SQLSTATEs, as its server package has it. */
async function sqlStates(): Promise<string[]> {
  const major = /\/(\d+)\/bin$/.exec(dirname(join(server.bin, 'x')))?.[1];
  const list = await readFile(`/usr/share/postgresql/${major}/errcodes.txt`, 'utf8');
  return [...list.matchAll(/^([0-9A-Z]{5})\s+E\s/gm)].map(([, state = '']) => state);
}

test('no SQLSTATE of PostgreSQL ends as internal, and its message and hint are kept', async () => {
  const states = await sqlStates();
  expect(states.length).toBeGreaterThan(200);
  const client = await server.connect();
  for (const state of [...states, 'ABCDE', '00001']) {
    const raised = await client
      .query(`DO $$ BEGIN RAISE 'said %', 'so' USING ERRCODE = '${state}', HINT = 'try this'; END $$`)
      .then(
        () => null,
        (error: unknown) => error,
      );
    if (raised === null) continue;
    const failure = expectClassed(raised, state);
    expect(failure.message).toContain('said so');
    expect(failure.message).toContain('try this');
    expect(failure.details.sqlstate).toBe(state);
    // Without the connection's own words it is none either.
    expect(asSocleError(raised).code).not.toBe('internal');
  }
  await client.end();
});

test('no errno of the system ends as internal', async () => {
  for (const [name, errno] of Object.entries(constants.errno)) {
    const error = Object.assign(new Error(`${name}: something, open '/srv/x'`), {
      code: name,
      errno: -errno,
      syscall: 'open',
      path: '/srv/x',
    });
    expectClassed(error, name);
  }
  for (const code of [
    'EAI_AGAIN',
    'ENOTFOUND',
    'EAI_FAIL',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
  ]) {
    expectClassed(Object.assign(new Error(code), { code }), code);
  }
  expect(asSocleError(new TypeError('x is not a function')).code).toBe('internal');
});

test('a state database that SQLite refuses is said so', () => {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (a int); PRAGMA query_only = 1');
  let thrown: unknown;
  try {
    db.exec('INSERT INTO t VALUES (1)');
  } catch (error) {
    thrown = error;
  }
  db.close();
  expect(asSocleError(thrown)).toMatchObject({ code: 'state-unusable', message: expect.stringContaining('readonly') });
});

test('no end of restic and none of a child by a signal ends as internal', async () => {
  for (let exitCode = 1; exitCode < 256; exitCode += 1) {
    for (const said of [
      '',
      'Fatal: nobody has seen this',
      '{"message_type":"exit_error","code":1,"message":"Fatal: x"}',
      '\u0000\ufffd',
    ]) {
      expect(resticFailure('/v', exitCode, said).code).toMatch(/^(vault-|not-found)/);
    }
  }
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGPIPE', 'SIGHUP', 'SIGXFSZ'] as const) {
    const ended = await start('sh', ['-c', `kill -${signal.slice(3)} $$`]).ended;
    expect(dumpFailure('pg_dump', ended, '')).toMatchObject({
      code: 'dump-failed',
      message: expect.stringContaining(signal),
    });
    const failed = await run('sh', ['-c', `kill -${signal.slice(3)} $$`]).catch((error: unknown) => error);
    expect(asSocleError(failed).code).toBe('command-failed');
  }
});

test.each([
  ['pg_dump: error: query failed: ERROR:  canceling statement due to conflict with recovery', 'standby-conflict'],
  [
    'pg_dump: error: query failed: ERROR:  out of shared memory\nHINT:  You might need to increase max_locks_per_transaction.',
    'database-exhausted',
  ],
  ['pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout', 'database-canceled'],
  ['pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout', 'database-locked'],
  [
    'pg_dump: error: connection to server on socket "/x" failed: FATAL:  sorry, too many clients already',
    'database-exhausted',
  ],
  ['pg_dump: error: query failed: FATAL:  terminating connection due to administrator command', 'database-unreachable'],
  ['pg_dump: error: query failed: ERROR:  invalid byte sequence for encoding "UTF8": 0xe9', 'database-encoding'],
  ['pg_dump: error: query failed: ERROR:  snapshot "00000003-1" does not exist', 'database-pooled'],
  [
    'pg_dump: error: query failed: ERROR:  could not write to file "base/pgsql_tmp/x": No space left on device',
    'database-exhausted',
  ],
  [
    'pg_dump: error: Dumping the contents of table "t" failed: PQgetResult() failed.\nERROR:  invalid page in block 0 of relation base/5/16384',
    'database-damaged',
  ],
  ['pg_dump: error: nothing that anybody has seen', 'dump-failed'],
] as const)('what pg_dump prints has a code: %s', (printed, code) => {
  const failure = dumpFailure('pg_dump', { exitCode: 1, signal: null, aborted: false }, printed);
  expect(failure.code).toBe(code);
  expect(failure.details.output).toContain(printed.split('\n')[0]);
});

test('conditions of a real server: timeouts, no slots, no locks, a shutdown, a role that is not there', async () => {
  const attempt = async (sql: string, options = '') => {
    const client = await server.connect();
    if (options) await client.query(options);
    const error = await client.query(sql).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    await client.end().catch(() => {});
    return expectClassed(error, sql);
  };
  expect((await attempt('SELECT pg_sleep(9)', `SET statement_timeout = '10ms'`)).code).toBe('database-canceled');
  expect((await attempt('SELECT pg_terminate_backend(pg_backend_pid())')).code).toBe('database-unreachable');
  const many = `DO $$ BEGIN FOR i IN 1..60000 LOOP PERFORM pg_advisory_xact_lock(i); END LOOP; END $$`;
  expect(await attempt(many)).toMatchObject({
    code: 'database-exhausted',
    message: expect.stringContaining('max_locks_per_transaction'),
    details: { next: expect.stringContaining('max_locks_per_transaction') },
  });
  await expect(connect(connection({ user: 'nobody_at_all' }))).rejects.toMatchObject({ code: 'database-denied' });
  await expect(connect(connection({ host: 'nowhere.invalid' }))).rejects.toMatchObject({
    code: 'database-unreachable',
  });
  await server.sql('CREATE ROLE narrow LOGIN CONNECTION LIMIT 1');
  const held = await server.connect('postgres', 'narrow');
  await expect(connect(connection({ user: 'narrow' }))).rejects.toMatchObject({
    code: 'database-exhausted',
    details: { next: expect.stringContaining('max_connections') },
  });
  await held.end();
});

test('names that libpq would take for something else', async () => {
  const tools = await clientTools(Number(/\/(\d+)\/bin$/.exec(server.bin)?.[1]));
  const names = [
    'a=b',
    'dbname=x host=y',
    "it's",
    'back\\slash',
    'with space',
    'postgresql://x',
    '-dash',
    'é'.repeat(31),
    'x'.repeat(63),
  ];
  for (const database of names) {
    const client = await server.connect();
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)} TEMPLATE template0`);
    await client.end();
    const own = await connect(connection({ database }));
    expect((await own.query('SELECT current_database() AS name')).rows).toEqual([{ name: database }]);
    await own.end();
    const config = {
      connection: connection({ database }),
      lock_timeout: 1_000,
      role_passwords: false,
    } as DatabaseConfig;
    expect(await dumpRoles(tools, config, ['postgres'])).toContain('ALTER ROLE postgres');
    // A snapshot that does not exist: pg_dump asks for it once it is in the database.
    const dump = await startDump(tools, config, '00000000-00000000-1', 2);
    await expect(dump.done, database).rejects.toMatchObject({
      details: { output: expect.stringContaining('snapshot') },
    });
  }
});
