import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { type FaultBench, randomFrom, stateAfter } from '../../test/support/drill-faults.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import { processTree } from '../database/scratch-processes.ts';
import { systemClock } from '../kernel/clock.ts';
import { start } from '../kernel/process.ts';
import { markInterruptedDrills } from './interrupted.ts';
import { runDrill } from './run.ts';
import { DrillStore } from './store.ts';

/** Kills in all; `SOCLE_STORM` and `SOCLE_SEED` change them. */
const kills = Number(process.env.SOCLE_STORM ?? 200);
const seed = Number(process.env.SOCLE_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Mostly as the kernel does it when memory runs out; the others as an operator, or a service that stops, may. */
const signals: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT', 'SIGSEGV'];
const random = randomFrom(seed);
const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
let source: TestServer;
/** One backup that restores as it is, and one whose definitions are spelled otherwise, so that its schema is rebuilt. */
let benches: FaultBench[];

beforeAll(async () => {
  process.stdout.write(`storm of kills: seed ${seed} (SOCLE_SEED), ${kills} kills\n`);
  const [server, bench, scratch] = await Promise.all([
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-storm-')),
  ]);
  source = server;
  const rows = (count: number) => `SELECT i AS id, repeat(md5(i::text), 4) AS v FROM generate_series(1, ${count}) i`;
  const databases = {
    plain: `CREATE TABLE a AS ${rows(30_000)}; ALTER TABLE a ADD PRIMARY KEY (id); CREATE INDEX ON a (v);`,
    respelled: `CREATE TABLE b (id int, v text, kind varchar CHECK (kind IN ('pen', 'ink'))); INSERT INTO b SELECT id, v, 'pen' FROM (${rows(20_000)}) r;
      CREATE VIEW pens AS SELECT * FROM b WHERE kind IN ('pen', 'ink'); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  };
  benches = [];
  for (const [name, sql] of Object.entries(databases)) {
    const database = await source.createDatabase(name);
    await source.sql(sql, database);
    const of = bench.platform(source, [database]);
    const platform = { ...of, drill: { ...of.drill, scratch, limits: { ...of.drill.limits, reserve: 0 } } };
    const asked = { platform, database: nameOf(database), deep: true, actor: 'cli:test' };
    benches.push({ bench, platform, backup: await runBackup(asked, bench.deps()), scratch });
  }
});
afterAll(async () => {
  await source?.stop();
  await benches[0]?.bench.dispose();
  if (benches[0]) await rm(benches[0].scratch, { recursive: true, force: true });
});

function named(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'gone';
  }
}

/** One drill in a process of its own, and one kill of any process of its tree at any moment; resolves to what was hit. */
async function struck({ bench, platform, backup }: FaultBench): Promise<string> {
  const cache = join(bench.directory, 'cache');
  const what = JSON.stringify({ platform, backup: backup.id, state: join(bench.directory, 'state.db'), cache });
  const child = start(process.execPath, [new URL('../../test/support/drill-child.ts', import.meta.url).pathname, what]);
  child.stdout?.resume();
  child.stderr?.resume();
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  await delay(300 + random() * 5_000);
  let hit = 'nothing';
  while (!ended && hit === 'nothing') {
    // The drill's own process now and then; else one of its programs.
    const all = processTree(child.pid ?? 0);
    const victim = random() < 0.1 ? child.pid : pick(all.slice(1));
    const signal = pick(signals) ?? 'SIGKILL';
    if (victim === undefined) {
      await delay(20);
      continue;
    }
    const name = named(victim);
    try {
      process.kill(victim, signal);
      hit = `${victim === child.pid ? 'the drill' : name} (${signal})`;
    } catch {
      // It ended by itself meanwhile: another one.
    }
  }
  await child.ended;
  return hit;
}

test(`of ${kills} kills at random processes, none makes a verdict against a backup, and nothing is left behind`, async () => {
  const tally = new Map<string, number>();
  const bad: string[] = [];
  let done = 0;
  for (let round = 0; done < kills && round < 3 * kills; round += 1) {
    const bench = benches[round % benches.length] as FaultBench;
    const hit = await struck(bench);
    if (hit === 'nothing') continue;
    done += 1;
    markInterruptedDrills(bench.bench.db, systemClock);
    const [drill] = new DrillStore(bench.bench.db).summaries({ limit: 1 });
    const verdict = drill?.backup === bench.backup.id ? drill.verdict : 'none';
    const code = drill?.failure?.code ?? '';
    tally.set(`${verdict} ${code}`, (tally.get(`${verdict} ${code}`) ?? 0) + 1);
    if (!['proven', 'not-tested', 'none'].includes(verdict) || code === 'internal') {
      bad.push(`round ${round}: ${hit} made ${verdict} ${code}: ${JSON.stringify(drill?.failure)}`);
    }
    expect(stateAfter(bench)).toMatchObject({ status: 'good', running: 0 });
  }
  process.stdout.write(`storm of kills: ${JSON.stringify(Object.fromEntries(tally))}\n`);
  expect(bad).toEqual([]);
  expect(done).toBe(kills);
  // What a drill that was killed itself left is the next one's to remove: a whole one ends proven, and nothing stays.
  for (const bench of benches) {
    const child = await wholeDrill(bench);
    expect(child).toMatchObject({ verdict: 'proven', level: 'identical-to-source' });
    expect(readdirSync(bench.scratch)).toEqual([]);
  }
});

function wholeDrill({ bench, platform, backup }: FaultBench) {
  return runDrill({ platform, backup: backup.id, deep: true, showValues: false, actor: 'cli:test' }, bench.deps());
}
