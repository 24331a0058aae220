import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import {
  drillWithKill,
  type FaultBench,
  killedDrill,
  randomFrom,
  stateAfter,
} from '../../test/support/drill-faults.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import { processesIn } from '../database/scratch-place.ts';
import { systemClock } from '../kernel/clock.ts';
import { markInterruptedDrills } from './interrupted.ts';
import { runDrill } from './run.ts';
import { DrillStore } from './store.ts';

/** A few rounds here; `make test-long` runs many (SOCLE_LONG=1). */
const long = process.env.SOCLE_LONG === '1';
const rounds = long ? 12 : 1;
const programs = long ? ['postgres', 'pg_restore', 'pg_dump', 'psql'] : ['postgres', 'pg_restore'];
const steps = long ? ['fetching', 'restoring', 'comparing'] : ['restoring'];
const seed = Number(process.env.SOCLE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);
let source: TestServer;
let faults: FaultBench;

beforeAll(async () => {
  process.stdout.write(`faults of drills: seed ${seed} (SOCLE_SEED), ${rounds} rounds each\n`);
  const [server, bench, scratch] = await Promise.all([
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-faults-')),
  ]);
  source = server;
  const database = await source.createDatabase('victim');
  await source.sql(
    `CREATE TABLE a AS SELECT i AS id, repeat(md5(i::text), 4) AS v FROM generate_series(1, 60000) i;
     ALTER TABLE a ADD PRIMARY KEY (id); CREATE INDEX ON a (v);
     CREATE TABLE b AS SELECT i AS id, md5(i::text) AS v FROM generate_series(1, 60000) i; CREATE INDEX ON b (v)`,
    database,
  );
  const of = bench.platform(source, [database]);
  const platform = { ...of, drill: { ...of.drill, scratch, limits: { ...of.drill.limits, reserve: 0 } } };
  const backup = await runBackup(
    { platform, database: nameOf(database), deep: false, actor: 'cli:test' },
    bench.deps(),
  );
  faults = { bench, platform, backup, scratch };
});
afterAll(async () => {
  await source?.stop();
  faults?.bench.dispose();
  await rm(faults.scratch, { recursive: true, force: true });
});

test.each(programs)('a %s that is killed says nothing about the backup', async (program) => {
  for (let round = 0; round < rounds; round += 1) {
    const { report, killed } = await drillWithKill(faults, program, random() * 1_500, random);
    // A program that ended before it could be killed, or whose end nobody waited for, leaves a proven backup.
    expect(['proven', 'not-tested']).toContain(report.verdict);
    if (report.verdict === 'not-tested') expect(killed).toBe(true);
    expect(report.failure?.code).not.toBe('internal');
    expect(stateAfter(faults)).toMatchObject({ scratch: [], status: 'good', running: 0 });
  }
});

test.each(steps)('a drill that is killed while %s is cleaned up by the next one', async (step) => {
  for (let round = 0; round < rounds; round += 1) {
    const killed = await killedDrill(faults, step, random() * 800);
    expect(markInterruptedDrills(faults.bench.db, systemClock)).toHaveLength(killed ? 1 : 0);
    const [listed] = new DrillStore(faults.bench.db).summaries();
    expect(listed).toMatchObject({
      backup: faults.backup.id,
      ...(killed ? { verdict: 'not-tested', failure: { code: 'interrupted' } } : { verdict: 'proven' }),
    });
    const left = stateAfter(faults).scratch.map((name) => join(faults.scratch, name));
    for (const directory of left) await expect.poll(() => processesIn(directory), { timeout: 10_000 }).toEqual([]);
    const { platform, backup, bench } = faults;
    const request = { platform, backup: backup.id, deep: false, showValues: false, actor: 'cli:test' };
    const report = await runDrill(request, bench.deps());
    expect(report.verdict).toBe('proven');
    expect(stateAfter(faults)).toEqual({ scratch: [], status: 'good', proof: 'identical-to-artifact', running: 0 });
  }
});
