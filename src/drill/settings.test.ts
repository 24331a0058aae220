import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import type { Backup } from '../backup/schema.ts';
import { left, neutral } from '../database/unhindered.ts';
import type { Platform } from '../platform/schema.ts';
import { restoreInto } from './restore-into.ts';
import { runDrill } from './run.ts';

let source: TestServer;
let target: TestServer;
let bench: BackupBench;
let scratch: string;
let platform: Platform;
let backup: Backup;

/** What people set for a database or a role, and an application survives. */
const hindrances = [
  `idle_session_timeout = '700ms'`,
  `statement_timeout = '5s'`,
  `lock_timeout = '1ms'`,
  `idle_in_transaction_session_timeout = '700ms'`,
  'default_transaction_read_only = on',
  'default_transaction_deferrable = on',
  `default_transaction_isolation = 'serializable'`,
  'session_replication_role = replica',
  `temp_file_limit = '512kB'`,
  `max_stack_depth = '100kB'`,
  'exit_on_error = on',
  'array_nulls = off',
  `log_min_messages = 'panic'`,
  `client_min_messages = 'error'`,
  'row_security = off',
  `search_path = nowhere`,
  `IntervalStyle = 'sql_standard'`,
  `DateStyle = 'SQL, DMY'`,
  `bytea_output = 'escape'`,
  'check_function_bodies = on',
  `work_mem = '64kB'`,
];

beforeAll(async () => {
  [source, target, bench, scratch] = await Promise.all([
    startPostgres(),
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-settings-')),
  ]);
  const database = await source.createDatabase('set');
  await source.sql(
    `CREATE TABLE a (id int PRIMARY KEY, list text[], took interval, raw bytea, note text);
     INSERT INTO a SELECT i, ARRAY[NULL, 'NULL', 'x'], -(i || ' days 3 hours')::interval, decode(md5(i::text), 'hex'), repeat(md5(i::text), 20) FROM generate_series(1, 20000) i;
     CREATE INDEX ON a (note); CREATE TABLE b (a int REFERENCES a); INSERT INTO b SELECT id FROM a;
     CREATE MATERIALIZED VIEW m AS SELECT md5(note) AS hash, count(*) FROM a GROUP BY 1`,
    database,
  );
  for (const setting of hindrances) await source.sql(`ALTER DATABASE "${database}" SET ${setting}`);
  await source.sql(
    `CREATE ROLE clerk; ALTER ROLE postgres SET statement_timeout = '6s'; ALTER ROLE postgres IN DATABASE "${database}" SET role = clerk;
     GRANT CONNECT ON DATABASE "${database}" TO clerk; ALTER ROLE postgres IN DATABASE "${database}" SET default_transaction_read_only = on`,
  );
  await source.sql(`ALTER ROLE postgres IN DATABASE "${database}" RESET role`);
  const of = bench.platform(source, [database]);
  platform = { ...of, drill: { ...of.drill, scratch, limits: { ...of.drill.limits, reserve: 0 } } };
  backup = await runBackup({ platform, database: nameOf(database), deep: true, actor: 'cli:test' }, bench.deps());
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  await bench?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

test('each setting that a session can have is made neutral, or stays for a reason', async () => {
  const { rows } = await source.sql(`SELECT name, context FROM pg_settings`);
  // The others belong to a server as a whole: those of a scratch server are ours, those of a target its operator's.
  const ofSessions = rows
    .filter(({ context }) => !['internal', 'postmaster', 'sighup'].includes(context))
    .map(({ name }) => name);
  expect(ofSessions.length).toBeGreaterThan(100);
  const unknown = ofSessions.filter((name) => !(name in neutral) && !left.some(([, names]) => names.test(name)));
  expect(unknown).toEqual([]);
  const { rows: version } = await source.sql('SHOW server_version_num');
  const major = Math.floor(Number(version[0].server_version_num) / 10_000);
  const expected = Object.entries(neutral).filter(([, { since = 0, until = 99 }]) => since <= major && major < until);
  expect(expected.map(([name]) => name).filter((name) => !ofSessions.includes(name))).toEqual([]);
});

test('what the source sets for its database and its roles hinders no drill', async () => {
  const report = await runDrill(
    { platform, backup: backup.id, deep: true, showValues: false, actor: 'cli:test' },
    bench.deps(),
  );
  expect(report).toMatchObject({ verdict: 'proven', level: 'identical-to-source', failure: null });
  expect(readdirSync(scratch)).toEqual([]);
});

test('nor a restore for real, where the target has settings of its own', async () => {
  for (const setting of [
    'statement_timeout = 3000',
    'idle_session_timeout = 700',
    'lock_timeout = 1',
    'default_transaction_read_only = on',
  ]) {
    await target.sql(`ALTER ROLE postgres SET ${setting}`);
  }
  const connection = {
    host: target.host,
    port: target.port,
    database: 'back',
    user: 'postgres',
    tls: { mode: 'disable' as const },
  };
  const none = { roles: true, salvage: false, intoNonEmpty: false, showValues: false, actor: 'cli:test' };
  const report = await restoreInto({ platform, backup: backup.id, target: connection, ...none }, bench.deps());
  expect(report).toMatchObject({ failed: [] });
  expect(report.proof.differences.filter(({ kind }) => kind !== 'setting')).toEqual([]);
});
