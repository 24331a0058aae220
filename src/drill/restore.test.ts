import { appendFile, copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dumpDatabase, type TestArchive } from '../../test/support/archive.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { takeInventory } from '../database/inventory.ts';
import type { ScratchServer } from '../database/restored-server.ts';
import { startScratch } from '../database/scratch.ts';
import { pinSession } from '../database/session.ts';
import { prepareServer } from './prepare.ts';
import { restoreArchive } from './restore.ts';

let directory: string;
let source: TestServer;
let scratch: ScratchServer;
const archives: TestArchive[] = [];
const signal = new AbortController().signal;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-restore-'));
  source = await startPostgres();
  const major = Number(source.bin.split('/').at(-2));
  const limits = { memory: 2 ** 30, disk: 2 ** 30, reserve: 0 };
  scratch = await startScratch({ root: join(directory, 'scratch'), major, limits });
});
afterAll(async () => {
  await scratch?.destroy();
  await source?.stop();
  await Promise.all(archives.map((archive) => archive.remove()));
  await rm(directory, { recursive: true, force: true });
});

async function dump(database: string): Promise<TestArchive> {
  const archive = await dumpDatabase(source, database);
  archives.push(archive);
  return archive;
}

async function restore(
  { archive, roles, inventory }: TestArchive,
  options: { exitOnError?: boolean; file?: string } = {},
) {
  await prepareServer(scratch, inventory, roles, signal);
  return restoreArchive({
    server: scratch,
    inventory,
    archive: options.file ?? archive,
    work: join(scratch.directory, 'archive'),
    target: inventory.database,
    database: inventory.database === 'postgres' ? 'template1' : 'postgres',
    create: true,
    jobs: 2,
    exitOnError: options.exitOnError ?? true,
  });
}

/** Every object of a database, as the inventory names and describes it. */
async function objects(server: { connect(database: string): ReturnType<TestServer['connect']> }, database: string) {
  const client = await server.connect(database);
  try {
    await pinSession(client);
    return (await takeInventory(client)).objects;
  } finally {
    await client.end();
  }
}

test('roles, memberships, properties of the database, tablespaces and old extensions come back', async () => {
  const name = await source.createDatabase('Odd name');
  const database = `"${name}"`;
  await source.sql(
    `CREATE ROLE "Boss" SUPERUSER; CREATE ROLE clerk LOGIN CONNECTION LIMIT 3; GRANT "Boss" TO clerk WITH ADMIN OPTION;
     ALTER ROLE clerk SET work_mem = '8MB'; ALTER ROLE clerk IN DATABASE ${database} SET search_path = far, public;
     ALTER DATABASE ${database} SET default_transaction_read_only = on;
     ALTER DATABASE ${database} CONNECTION LIMIT 17; ALTER DATABASE ${database} OWNER TO clerk;
     COMMENT ON DATABASE ${database} IS 'odd, and commented'`,
  );
  const client = await source.connect(name);
  await client.query('SET default_transaction_read_only = off');
  await client.query('SET allow_in_place_tablespaces = on');
  await client.query(`CREATE TABLESPACE "slow disk" LOCATION ''`);
  await client.query(`ALTER TABLESPACE "slow disk" OWNER TO clerk`);
  await client.query(`ALTER TABLESPACE "slow disk" SET (random_page_cost = 1.25, seq_page_cost = 2)`);
  await client.query(`GRANT CREATE ON TABLESPACE "slow disk" TO "Boss"; COMMENT ON TABLESPACE "slow disk" IS 'spins'`);
  await client.query(`CREATE SCHEMA far; CREATE EXTENSION citext SCHEMA far VERSION '1.5'; CREATE EXTENSION hstore`);
  await client.query(`CREATE TABLE far.t (id int PRIMARY KEY, c far.citext) TABLESPACE "slow disk"`);
  await client.query(`INSERT INTO far.t SELECT i, 'Row ' || i FROM generate_series(1, 1000) i`);
  await client.end();
  const archive = await dump(name);

  expect(await restore(archive)).toEqual([]);
  expect(await objects(scratch, name)).toEqual(await objects(source, name));
});

test('the database called postgres comes back too', async () => {
  await source.sql('CREATE TABLE public.here (id int); INSERT INTO public.here VALUES (42)');
  await restore(await dump('postgres'));
  const client = await scratch.connect('postgres');
  const { rows } = await client.query('SELECT id FROM public.here');
  await client.end();
  await source.sql('DROP TABLE public.here');
  expect(rows).toEqual([{ id: 42 }]);
});

test('rows that break a foreign key of the source are the source’s fault, and a salvage keeps everything else', async () => {
  const name = await source.createDatabase('inconsistent');
  await source.sql(
    `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT belongs_to_a REFERENCES a);
     INSERT INTO a VALUES (1); SET session_replication_role = replica; INSERT INTO b VALUES (1, 1), (2, 99)`,
    name,
  );
  const archive = await dump(name);
  await expect(restore(archive)).rejects.toMatchObject({
    code: 'source-inconsistent',
    message: expect.stringContaining('violates foreign key constraint "belongs_to_a"'),
  });
  await expect(restore(archive)).rejects.not.toThrow(/99/);

  const failed = await restore(archive, { exitOnError: false });
  expect(failed).toMatchObject([{ statement: expect.stringContaining('ADD CONSTRAINT belongs_to_a') }]);
  const client = await scratch.connect(name);
  expect((await client.query('SELECT count(*)::int AS n FROM b')).rows).toEqual([{ n: 2 }]);
  await client.end();
});

test('a function that only worked with the source’s search path is the backup’s fault, and named', async () => {
  const name = await source.createDatabase('unrestorable');
  await source.sql(
    `CREATE TABLE rates (v int); CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT count(*) >= 0 FROM rates';
     CREATE TABLE prices (v int CHECK (ok(v))); INSERT INTO prices VALUES (1)`,
    name,
  );
  await expect(restore(await dump(name))).rejects.toMatchObject({
    code: 'restore-failed',
    message: expect.stringContaining('relation "rates" does not exist'),
  });
});

test('a damaged archive is called that', async () => {
  const name = await source.createDatabase('damaged');
  await source.sql(`CREATE TABLE t AS SELECT i, md5(i::text) AS v FROM generate_series(1, 5000) i`, name);
  const archive = await dump(name);
  const file = join(directory, 'damaged.dump');
  await copyFile(archive.archive, file);
  await truncate(file, Math.floor((await readFile(file)).length / 2));
  await expect(restore(archive, { file })).rejects.toMatchObject({ code: 'artifact-damaged' });
  await writeFile(file, 'not an archive');
  await expect(restore(archive, { file })).rejects.toMatchObject({ code: 'artifact-damaged' });
});

test('roles that cannot be created stop the restore', async () => {
  const archive = await dump(await source.createDatabase('roles'));
  await appendFile(archive.roles, 'ALTER ROLE nobody_there SUPERUSER;\n');
  await expect(restore(archive)).rejects.toMatchObject({
    code: 'restore-failed',
    message: expect.stringContaining('role "nobody_there" does not exist'),
  });
});

test('a server that is killed in the middle of a restore says nothing about the backup', async () => {
  const name = await source.createDatabase('killed');
  await source.sql(`CREATE TABLE t AS SELECT i, md5(i::text) AS v FROM generate_series(1, 200000) i`, name);
  const archive = await dump(name);
  const major = Number(source.bin.split('/').at(-2));
  const limits = { memory: 2 ** 30, disk: 2 ** 30, reserve: 0 };
  const server = await startScratch({ root: join(directory, 'scratch'), major, limits });
  const before = scratch;
  scratch = server;
  try {
    const restoring = restore(archive);
    setTimeout(() => void server.destroy(), 50);
    await expect(restoring).rejects.toThrow();
  } finally {
    scratch = before;
    await server.destroy();
  }
});
