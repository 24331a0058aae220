import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { BackupCatalog } from '../backup/catalog.ts';
import { runBackup } from '../backup/run.ts';
import { startScratch } from '../database/scratch.ts';
import { processesIn } from '../database/scratch-place.ts';
import { drillLimits } from '../platform/drill-limits.ts';
import { runDrill } from './run.ts';

/** ms; a drill may take six times as long. */
const rto = 4_000;
let source: TestServer;
let bench: BackupBench;
let scratch: string;

beforeAll(async () => {
  [source, bench, scratch] = await Promise.all([
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-waits-')),
  ]);
});
afterEach(() => expect(readdirSync(scratch)).toEqual([]));
afterAll(async () => {
  await source?.stop();
  await bench?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

/** Runs as superuser of the scratch server while the table `t` is filled; the source only ever saw `true`. */
const whileRestoring = (code: string) => `CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
  CREATE TABLE other (v int PRIMARY KEY); INSERT INTO other VALUES (1); CREATE TABLE t (v int CHECK (ok(v))); INSERT INTO t VALUES (1);
  CREATE OR REPLACE FUNCTION ok(int) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN ${code}; RETURN true; END $f$`;
const program = (line: string) => `EXECUTE $q$COPY (SELECT 1) TO PROGRAM '${line}'$q$`;
const inBackground = (line: string) => program(`(setsid sh -c "${line}" >/dev/null 2>&1 </dev/null &)`);
const psql = 'psql -X -h /scratch/run -U postgres';

const traps: ReadonlyArray<readonly [name: string, sql: string]> = [
  ['a check that sleeps', whileRestoring('PERFORM pg_catalog.pg_sleep(3600)')],
  ['a check that never ends', whileRestoring('LOOP END LOOP')],
  ['a backend that stops itself', whileRestoring(program('kill -STOP $PPID'))],
  [
    'a postmaster that is stopped',
    whileRestoring(inBackground('sleep 0.2; kill -STOP $(head -1 /scratch/data/postmaster.pid)')),
  ],
  [
    'a lock that nobody gives back',
    whileRestoring(
      inBackground(`${psql} -d DATABASE -c 'BEGIN; LOCK TABLE other; SELECT pg_sleep(3600)'`)
        .replaceAll("'BEGIN", "''BEGIN")
        .replaceAll("(3600)'", "(3600)''"),
    ),
  ],
  [
    'an index whose expression sleeps',
    `CREATE TABLE t (v int); INSERT INTO t VALUES (1); CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
     CREATE INDEX ON t (f(v)); CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep(3600); RETURN 1; END'`,
  ],
  [
    'a heartbeat that is a view',
    `CREATE SCHEMA socle; CREATE VIEW socle.heartbeat AS SELECT (SELECT now() FROM pg_catalog.pg_sleep(3600)) AS at, ''::text AS writer`,
  ],
  [
    'a materialized view that sleeps',
    `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE MATERIALIZED VIEW m AS SELECT f();
     CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM pg_catalog.pg_sleep(3600)'`,
  ],
];

/** A few here, each of which waits in another place; all of them in `make test-long`. */
const chosen = process.env.SOCLE_LONG === '1' ? traps : traps.filter(([name]) => /stop|view$/.test(name));

test.each(chosen)('%s ends as not tested, in time, and the server is gone', async (_name, sql) => {
  const database = await source.createDatabase('trap');
  await source.sql(sql.replaceAll('DATABASE', database), database);
  const of = bench.platform(source, [database]);
  const limits = { ...of.drill.limits, reserve: 0 };
  const platform = { ...of, drill: { ...of.drill, scratch, limits, rto } };
  const asked = { platform, deep: false, showValues: false, actor: 'cli:test' };
  const backup = await runBackup({ ...asked, database: nameOf(database) }, bench.deps());
  const began = performance.now();
  const report = await runDrill({ ...asked, backup: backup.id }, bench.deps());
  const took = performance.now() - began;
  expect(report).toMatchObject({ verdict: 'not-tested', failure: { code: 'drill-timeout' } });
  expect(took).toBeGreaterThan(rto);
  expect(took).toBeLessThan(drillLimits(rto).work + 20_000);
  expect(new BackupCatalog(bench.db).get(backup.id)).toMatchObject({ status: 'good', proof: { status: 'unproven' } });
});

test('a server whose owner stops it takes its connections with it, whatever state they are in', async () => {
  const stop = new AbortController();
  const major = Number(source.bin.split('/').at(-2));
  const limits = { memory: 2 ** 29, disk: 2 ** 29, reserve: 0 };
  const server = await startScratch({ root: scratch, major, limits, signal: stop.signal });
  const client = await server.connect('postgres');
  const { rows } = await client.query(`SELECT pg_backend_pid() AS pid`);
  expect(rows[0].pid).toBeGreaterThan(0);
  const waiting = client.query('SELECT pg_sleep(3600)').then(
    () => 'answered',
    () => 'cut',
  );
  stop.abort();
  expect(await waiting).toBe('cut');
  await expect(server.connect('postgres')).rejects.toMatchObject({ code: 'interrupted' });
  await server.destroy();
  expect(processesIn(server.directory)).toEqual([]);
});
