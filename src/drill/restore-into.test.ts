import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import type { Backup } from '../backup/schema.ts';
import { listOperations } from '../governance/operations.ts';
import type { Platform } from '../platform/schema.ts';
import { type IntoRequest, restoreInto } from './restore-into.ts';
import { splitAcl } from './target-database.ts';

let source: TestServer;
let target: TestServer;
let bench: BackupBench;
let scratch: string;
let database: string;
let platform: Platform;
let backup: Backup;

beforeAll(async () => {
  [source, target, bench, scratch] = await Promise.all([
    startPostgres(),
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-into-')),
  ]);
  database = await source.createDatabase('shop');
  await source.sql(
    `CREATE ROLE "shop owner" LOGIN; CREATE ROLE reader; ALTER DATABASE "${database}" OWNER TO "shop owner";
     REVOKE ALL ON DATABASE "${database}" FROM PUBLIC; GRANT CONNECT ON DATABASE "${database}" TO reader WITH GRANT OPTION;
     ALTER DATABASE "${database}" SET search_path = "shop floor", public; ALTER DATABASE "${database}" CONNECTION LIMIT 9;
     ALTER ROLE reader IN DATABASE "${database}" SET work_mem = '12MB'; COMMENT ON DATABASE "${database}" IS 'the shop'`,
  );
  await source.sql(
    `CREATE SCHEMA "shop floor" AUTHORIZATION "shop owner"; SET ROLE "shop owner";
     CREATE TABLE "shop floor".items (id int PRIMARY KEY, name varchar CHECK (name IN ('pen', 'ink', 'item')));
     INSERT INTO "shop floor".items SELECT i, 'item' FROM generate_series(1, 3000) i; RESET ROLE;
     CREATE TABLE public.other (v text); INSERT INTO public.other VALUES ('x')`,
    database,
  );
  const of = bench.platform(source, [database]);
  platform = { ...of, drill: { ...of.drill, scratch, limits: { ...of.drill.limits, reserve: 0 } } };
  backup = await runBackup({ platform, database: nameOf(database), deep: true, actor: 'cli:test' }, bench.deps());
});
afterEach(() => expect(readdirSync(scratch)).toEqual([]));
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  bench?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

function into(name: string, options: Partial<IntoRequest> = {}) {
  const connection = {
    host: target.host,
    port: target.port,
    database: name,
    user: 'postgres',
    tls: { mode: 'disable' as const },
  };
  const none = { roles: false, salvage: false, intoNonEmpty: false, showValues: false, actor: 'cli:test' };
  return restoreInto({ platform, backup: backup.id, target: connection, ...none, ...options }, bench.deps());
}

test('roles that are missing are named before anything is changed', async () => {
  await expect(into('shop_new')).rejects.toMatchObject({
    code: 'roles-missing',
    message: expect.stringContaining('shop owner'),
  });
  expect((await target.sql(`SELECT FROM pg_database WHERE datname = 'shop_new'`)).rowCount).toBe(0);
});

test('a restore under another name brings everything back, and is proven against the source', async () => {
  const report = await into('shop "new"', { roles: true });
  expect(report).toMatchObject({ proven: true, failed: [], proof: { level: 'identical-to-source', differences: [] } });
  expect(report.target).toMatchObject({ database: 'shop "new"', created: true });
  expect(report.notes).toEqual([]);
  expect(listOperations(bench.db)[0]).toMatchObject({ action: 'restore', result: 'ok' });
});

test('a database that holds something is refused unless told otherwise', async () => {
  const name = await target.createDatabase('taken');
  await target.sql('CREATE TABLE mine (v int); INSERT INTO mine VALUES (1)', name);
  await expect(into(name, { roles: true })).rejects.toMatchObject({ code: 'target-not-empty' });
  expect((await target.sql('SELECT v FROM mine', name)).rows).toEqual([{ v: 1 }]);

  const report = await into(name, { roles: true, intoNonEmpty: true });
  expect(report).toMatchObject({ proven: false, failed: [] });
  expect(report.proof.differences).toContainEqual(
    expect.objectContaining({ kind: 'table', object: 'public.mine', problem: 'extra' }),
  );
});

test('one schema, and one table, are restored alone and their rows proven', async () => {
  const schema = await into('one_schema', { roles: true, selection: { schema: 'shop floor' } });
  expect(schema).toMatchObject({
    proven: true,
    proof: { tables: [{ name: '"shop floor".items', result: 'identical' }] },
  });
  const table = await into('one_table', { roles: true, selection: { schema: 'public', table: 'other' } });
  expect(table).toMatchObject({ proven: true, proof: { tables: [{ name: 'public.other', result: 'identical' }] } });
  expect((await target.sql('SELECT * FROM other', 'one_table')).rows).toEqual([{ v: 'x' }]);
  await expect(into('nothing', { selection: { table: 'nowhere' } })).rejects.toMatchObject({
    code: 'not-found',
    details: { next: expect.stringContaining('shop floor') },
  });
});

test('a salvage goes on after errors, lists them, and does not call the result proven', async () => {
  const name = await target.createDatabase('salvage');
  await target.sql('CREATE TABLE other (v text)', name);
  await expect(into(name, { roles: true, intoNonEmpty: true })).rejects.toMatchObject({
    code: 'restore-failed',
    details: { next: expect.stringContaining(`restored into ${name} before the error is still there`) },
  });
  const again = await target.createDatabase('salvage');
  await target.sql('CREATE TABLE other (v text)', again);
  const report = await into(again, { roles: true, intoNonEmpty: true, salvage: true });
  expect(report.proven).toBe(false);
  expect(report.failed).toMatchObject([{ message: expect.stringContaining('relation "other" already exists') }]);
  expect((await target.sql('SELECT count(*)::int AS n FROM "shop floor".items', again)).rows).toEqual([{ n: 3000 }]);
});

test('access control items are told apart, also with spaces in names', () => {
  expect(splitAcl('=Tc/clerk "shop owner"=CTc/"shop owner" "a ""b"""=c/clerk')).toEqual([
    '=Tc/clerk',
    '"shop owner"=CTc/"shop owner"',
    '"a ""b"""=c/clerk',
  ]);
});

test('an incomplete backup is restored when that is asked for, with what it lacks named, and is never proven', async () => {
  const name = await source.createDatabase('lacking');
  // pg_dump leaves out what belongs to an extension.
  await source.sql(
    `CREATE EXTENSION citext; CREATE TABLE kept AS SELECT 7 AS n; CREATE TABLE lost AS SELECT 1 AS n;
     ALTER EXTENSION citext ADD TABLE lost`,
    name,
  );
  const lacking = { ...bench.platform(source, [name]), drill: platform.drill };
  const take = { platform: lacking, database: nameOf(name), deep: false, actor: 'cli:test' };
  const taken = await runBackup(take, bench.deps());
  expect(taken.status).toBe('incomplete');
  const request = { platform: lacking, database: nameOf(name), backup: undefined };
  await expect(into('lacking_restored', request)).rejects.toMatchObject({
    code: 'no-backup',
    details: { next: expect.stringContaining('--incomplete') },
  });
  const report = await into('lacking_restored', { ...request, incomplete: true });
  expect(report).toMatchObject({
    backup: taken.id,
    proven: false,
    missing: [expect.stringMatching(/^table public\.lost with 1 row/)],
  });
  expect((await target.sql('SELECT n FROM kept', 'lacking_restored')).rows).toEqual([{ n: 7 }]);
});
