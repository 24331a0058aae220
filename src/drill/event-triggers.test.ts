import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import { runDrill } from './run.ts';

let source: TestServer;
let bench: BackupBench;
let scratch: string;

beforeAll(async () => {
  [source, bench, scratch] = await Promise.all([
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-event-triggers-')),
  ]);
});
afterAll(async () => {
  await source?.stop();
  bench?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

test.each([1, 2])('event triggers that refuse DDL hinder no restore and no proof, with %i jobs', async (jobs) => {
  const name = await source.createDatabase('triggers');
  await source.sql(
    `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM t;
     CREATE MATERIALIZED VIEW mv2 AS SELECT * FROM mv;
     CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no DDL here'; END$$;
     CREATE EVENT TRIGGER refuses ON ddl_command_start EXECUTE FUNCTION refuse();
     COMMENT ON EVENT TRIGGER refuses IS 'of the company'`,
    name,
  );
  const made = bench.platform(source, [name]);
  const platform = { ...made, drill: { ...made.drill, scratch, limits: { ...made.drill.limits, jobs, reserve: 0 } } };
  const backup = await runBackup({ platform, database: nameOf(name), deep: true, actor: 'cli:test' }, bench.deps());
  const asked = { platform, backup: backup.id, deep: true, showValues: false, actor: 'cli:test' };
  const report = await runDrill(asked, bench.deps());
  expect(report.failure).toBeNull();
  expect(report).toMatchObject({ verdict: 'proven', level: 'identical-to-source' });
});
