import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import { run } from '../kernel/process.ts';

let source: TestServer;
let target: TestServer;
let bench: BackupBench;
let directory: string;

beforeAll(async () => {
  [source, target, bench, directory] = await Promise.all([
    startPostgres(),
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-by-hand-')),
  ]);
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  bench?.dispose();
  await rm(directory, { recursive: true, force: true });
});

/** The blocks of the page, in their order. */
function blocks(): string[] {
  const page = readFileSync(new URL('../../docs/runbooks/restore-by-hand.md', import.meta.url), 'utf8');
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
}

/** The block that drops what an earlier try left. */
function again(): string[] {
  const page = readFileSync(new URL('../../docs/runbooks/restore-by-hand.md', import.meta.url), 'utf8');
  return [...page.matchAll(/^ {2}```bash\n([\s\S]*?)^ {2}```$/gm)].map(([, block]) =>
    (block ?? '').replace(/^ {2}/gm, ''),
  );
}

const names = (block: string) => [...block.matchAll(/^export (\w+)=/gm)].map(([, name]) => name);

test('the page restores a backup with restic and PostgreSQL alone', async () => {
  const database = `By "h'and=1`;
  const quoted = pg.escapeIdentifier(database);
  await source.sql(`CREATE DATABASE ${quoted} TEMPLATE template0`);
  await source.sql(
    `CREATE ROLE "the owner"; ALTER DATABASE ${quoted} OWNER TO "the owner";
     ALTER DATABASE ${quoted} SET default_transaction_read_only = on`,
  );
  const marker = randomBytes(8).toString('hex');
  const client = await source.connect(database);
  await client.query('SET default_transaction_read_only = off');
  await client.query(
    `CREATE SCHEMA "odd one"; CREATE EXTENSION citext; CREATE TABLE "odd one"."Things" (id int PRIMARY KEY, v citext);
     CREATE TABLE parent (n int); CREATE TABLE child () INHERITS (parent);
     INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2), (3); CREATE TABLE "é" AS SELECT 'ü' AS v;
     INSERT INTO "odd one"."Things" SELECT i, '${marker}' FROM generate_series(1, 500) i; CREATE SEQUENCE s; SELECT setval('s', 77);
     CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM "odd one"."Things"`,
  );
  await client.end();
  const plain = bench.platform(source, ['by_hand']);
  const [config] = plain.databases;
  if (!config) throw new Error('unreachable');
  const platform = { ...plain, databases: [{ ...config, connection: { ...config.connection, database } }] };
  await runBackup({ platform, database: config.name, deep: false, actor: 'cli:test' }, bench.deps());

  const [variables = '', ...steps] = blocks();
  const values: Record<string, string> = {
    RESTIC_REPOSITORY: join(bench.directory, 'vault'),
    RESTIC_PASSWORD_FILE: join(bench.directory, 'vault.password'),
    PLATFORM: platform.name,
    DATABASE: config.name,
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: 'postgres',
    PATH: `${target.bin}:/usr/bin:/bin`,
  };
  expect(names(variables).sort()).toEqual(Object.keys(values).sort());
  expect(steps).toHaveLength(7);
  const script = join(directory, 'page.sh');
  // A vault that root owns, and a terminal that was set up for something else.
  await chmod(join(bench.directory, 'vault'), 0o700);
  await chmod(directory, 0o755);
  writeFileSync(join(directory, '.psqlrc'), '\\set ON_ERROR_STOP off\n\\pset format html\n');
  const environment = {
    ...values,
    RESTIC_CACHE_DIR: join(directory, 'cache'),
    HOME: directory,
    PGCLIENTENCODING: 'LATIN1',
    PGOPTIONS: '-c default_transaction_read_only=on -c search_path=pg_temp',
    PGDATABASE: 'nowhere',
    PGSERVICE: 'nowhere',
    PGTZ: 'Asia/Tokyo',
    LC_ALL: 'POSIX',
  };
  const byHand = (blocks: readonly string[]) => {
    writeFileSync(script, blocks.join('\n'));
    return run('sh', [script], { cwd: directory, env: environment });
  };
  // A first try ended in the middle of step 6: the database is half-made, and its roles are there, with other properties.
  await target.sql('CREATE ROLE "the owner" LOGIN CONNECTION LIMIT 3');
  await byHand(steps.slice(0, 4));
  await target.sql(`CREATE DATABASE ${quoted}`);
  await expect(byHand(steps)).rejects.toMatchObject({ details: { output: expect.stringContaining('already exists') } });
  const [drop = ''] = again();
  const done = await byHand([...steps.slice(0, 4), steps[4] ?? '', drop, ...steps.slice(4)]);
  expect(done.stdout).toMatch(/\.dump: OK$/m);
  expect(done.stdout.trimEnd()).toMatch(/\(0 rows\)$/);

  const there = (sql: string) => target.sql(sql, database).then(({ rows }) => rows);
  expect(await there(`SELECT DISTINCT v FROM "odd one"."Things"`)).toEqual([{ v: marker }]);
  expect(await there(`SELECT last_value::int AS n FROM s`)).toEqual([{ n: 77 }]);
  expect(
    await there(`SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = current_database()`),
  ).toEqual([{ owner: 'the owner' }]);
  expect(await there('SHOW default_transaction_read_only')).toEqual([{ default_transaction_read_only: 'on' }]);

  // The check at the end is one that can fail.
  await target.sql('BEGIN READ WRITE; DELETE FROM child WHERE n = 3; COMMIT', database);
  const counted = await byHand([steps[0] ?? '', steps.at(-1) ?? '']);
  expect(counted.stdout).toMatch(/public\.child \|\s+2 \|\s+1\n\(1 row\)/);
});
