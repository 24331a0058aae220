import { readdirSync, renameSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { atStep, type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { BackupCatalog } from '../backup/catalog.ts';
import { runBackup } from '../backup/run.ts';
import type { Backup } from '../backup/schema.ts';
import type { Vault } from '../backup/vault.ts';
import { listOperations } from '../governance/operations.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Platform } from '../platform/schema.ts';
import { type DrillDeps, type DrillRequest, runDrill } from './run.ts';
import { DrillStore } from './store.ts';

let source: TestServer;
let bench: BackupBench;
let scratch: string;
let database: string;
let platform: Platform;
let backup: Backup;
let catalog: BackupCatalog;

beforeAll(async () => {
  [source, bench, scratch] = await Promise.all([
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-drills-')),
  ]);
  catalog = new BackupCatalog(bench.db);
  database = await source.createDatabase('shop');
  await source.sql(
    `CREATE SCHEMA socle; CREATE TABLE socle.heartbeat (writer text PRIMARY KEY, at timestamptz NOT NULL);
     INSERT INTO socle.heartbeat VALUES ('test', now() - interval '90 seconds');
     CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
     INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 5000) i`,
    database,
  );
  platform = withScratch(bench.platform(source, [database]));
  backup = await runBackup({ platform, database: nameOf(database), deep: true, actor: 'cli:test' }, bench.deps());
});
afterEach(() => expect(readdirSync(scratch)).toEqual([]));
afterAll(async () => {
  await source?.stop();
  bench?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

function withScratch(of: Platform, limits: Partial<Platform['drill']['limits']> = {}): Platform {
  return { ...of, drill: { ...of.drill, scratch, limits: { ...of.drill.limits, reserve: 0, ...limits } } };
}

function drill(request: Partial<DrillRequest> = {}, deps: Partial<DrillDeps> = {}) {
  const asked = { platform, backup: backup.id, deep: false, showValues: false, actor: 'cli:test' };
  return runDrill({ ...asked, ...request }, { ...bench.deps(), ...deps });
}

/** The same vault, with something done to the dump after it was fetched. */
function tampering(vault: Vault, tamper: (file: string) => Promise<void>): Vault {
  return new Proxy(vault, {
    get(target, name) {
      if (name === 'fetch') {
        return async (...args: Parameters<Vault['fetch']>) => {
          const size = await target.fetch(...args);
          await tamper(args[2]);
          return size;
        };
      }
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a drill proves a backup against its source, measures it, and keeps the report', async () => {
  const report = await drill({ backup: undefined, deep: true });
  expect(report).toMatchObject({
    database: nameOf(database),
    backup: backup.id,
    verdict: 'proven',
    level: 'identical-to-source',
    failure: null,
    recoveryTime: { met: true, targetMs: 3_600_000 },
    dataLoss: { measuredBy: 'heartbeat', longestGapMs: null, met: true },
    artifact: { bytes: backup.size?.logical },
  });
  expect(report.dataLoss?.ms).toBeGreaterThan(90_000);
  expect(report.recoveryTime?.ms).toBe(report.timings.fetch + report.timings.restore);
  expect(report.scratch.sandbox).toMatch(/^bubblewrap, own user.*no network/);
  expect(report.scratch.peakMemory).toBeGreaterThan(0);
  expect(report.notes).toContain('logins need new passwords: the backup holds no password hashes');

  const store = new DrillStore(bench.db);
  expect(store.latest(nameOf(database))).toEqual(report);
  expect(store.get(report.id)).toEqual(report);
  expect(catalog.get(backup.id)?.proof).toEqual({
    status: 'identical-to-source',
    drill: report.id,
    at: report.finishedAt,
  });
  expect(listOperations(bench.db)[0]).toMatchObject({ action: 'drill.run', result: 'ok', subject: backup.id });
  const kept = (await bench.vault.list()).find(({ id }) => id === report.id);
  expect(JSON.parse(await text(bench.vault.read(kept?.snapshot ?? '', '/report.json')))).toEqual(report);
  expect(await text(bench.vault.read(kept?.snapshot ?? '', '/report.html'))).toContain(report.id);
});

test('a dump that is not what was stored is damaged, and a later drill may find it whole', async () => {
  const flip = async (file: string) => {
    const handle = await open(file, 'r+');
    const { size } = await handle.stat();
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, size - 5_000);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await handle.write(byte, 0, 1, size - 5_000);
    await handle.close();
  };
  const report = await drill({}, { vault: tampering(bench.vault, flip) });
  expect(report).toMatchObject({
    verdict: 'artifact-damaged',
    failure: { code: 'artifact-damaged' },
    recoveryTime: null,
  });
  expect(catalog.get(backup.id)?.status).toBe('damaged');
  await expect(drill({ backup: undefined, database: nameOf(database) })).rejects.toMatchObject({ code: 'no-backup' });

  expect(await drill()).toMatchObject({ verdict: 'proven', level: 'identical-to-source' });
  expect(catalog.get(backup.id)).toMatchObject({ status: 'good' });
});

test('a vault that goes away during the fetch says nothing about the backup', async () => {
  const vault = join(bench.directory, 'vault');
  const away = atStep('fetching', () => renameSync(vault, `${vault}-away`));
  const report = await drill({}, { progress: away }).finally(() => renameSync(`${vault}-away`, vault));
  expect(report).toMatchObject({
    verdict: 'not-tested',
    level: null,
    failure: { code: expect.stringMatching(/^vault-/) },
  });
  expect(report.notes.join()).toContain('could not be kept in the vault');
  expect(catalog.get(backup.id)).toMatchObject({ status: 'good', proof: { status: 'identical-to-source' } });
});

test('a machine that is too small is named before anything is fetched', async () => {
  const small = withScratch(platform, { disk: 10 * 2 ** 20 });
  expect(await drill({ platform: small })).toMatchObject({
    verdict: 'not-tested',
    failure: { code: 'drill-out-of-space', next: 'raise drill.limits.disk' },
    timings: { fetch: 0 },
  });
});

test('a backup whose code fills the disk is stopped, and nothing of it stays', async () => {
  const name = await source.createDatabase('bomb');
  await source.sql(
    `CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
     CREATE TABLE t (v int CHECK (ok(v))); INSERT INTO t VALUES (1);
     CREATE OR REPLACE FUNCTION ok(int) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN
       COPY (SELECT 1) TO PROGRAM 'i=0; while true; do head -c 20000000 /dev/zero > fill-$i; i=$((i+1)); done'; RETURN true; END $f$`,
    name,
  );
  const of = withScratch(bench.platform(source, [name]), { disk: 200 * 2 ** 20 });
  const bomb = await runBackup({ platform: of, database: nameOf(name), deep: false, actor: 'cli:test' }, bench.deps());
  const report = await drill({ platform: of, backup: bomb.id });
  expect(report).toMatchObject({ verdict: 'not-tested', failure: { code: 'drill-out-of-space' } });
  expect(report.scratch.peakDisk).toBeGreaterThan(200 * 2 ** 20);
  expect(catalog.get(bomb.id)?.proof.status).toBe('unproven');
});

test('a restore that does not end is stopped, and says nothing about the backup', async () => {
  const name = await source.createDatabase('endless');
  await source.sql(
    `CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
     CREATE TABLE t (v int CHECK (ok(v))); INSERT INTO t VALUES (1);
     CREATE OR REPLACE FUNCTION ok(int) RETURNS boolean LANGUAGE sql AS 'SELECT pg_catalog.pg_sleep(3600) IS NOT NULL'`,
    name,
  );
  const of = withScratch(bench.platform(source, [name]));
  const slow = await runBackup({ platform: of, database: nameOf(name), deep: false, actor: 'cli:test' }, bench.deps());
  const report = await drill({ platform: { ...of, drill: { ...of.drill, rto: 1_500 } }, backup: slow.id });
  expect(report).toMatchObject({ verdict: 'not-tested', level: null, failure: { code: 'drill-timeout' } });
  expect(catalog.get(slow.id)).toMatchObject({ status: 'good', proof: { status: 'unproven' } });
});

test('a source that breaks its own foreign key has no bad backup', async () => {
  const name = await source.createDatabase('inconsistent');
  await source.sql(
    `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int CONSTRAINT b_to_a REFERENCES a);
     SET session_replication_role = replica; INSERT INTO b VALUES (99)`,
    name,
  );
  const of = withScratch(bench.platform(source, [name]));
  const made = await runBackup({ platform: of, database: nameOf(name), deep: false, actor: 'cli:test' }, bench.deps());
  expect(await drill({ platform: of, backup: made.id })).toMatchObject({
    verdict: 'source-inconsistent',
    failure: { code: 'source-inconsistent', message: expect.stringContaining('b_to_a') },
  });
  expect(catalog.get(made.id)).toMatchObject({ status: 'good', proof: { status: 'unproven' } });
});

test('one drill at a time, and an interrupted one is listed and says nothing about its backup', async () => {
  const stop = new AbortController();
  let second: unknown;
  const progress = atStep('restoring', () => {
    second = drill().catch((error) => error);
    stop.abort();
  });
  await expect(drill({}, { progress, signal: stop.signal })).rejects.toMatchObject({ code: 'interrupted' });
  expect(await second).toMatchObject({ code: 'busy' });
  expect(new DrillStore(bench.db).summaries()[0]).toMatchObject({
    verdict: 'not-tested',
    failure: { code: 'interrupted' },
    backup: backup.id,
  });
  expect(listOperations(bench.db)[0]).toMatchObject({ result: 'interrupted' });
});

test('a clock that is set back during a drill changes no duration, and no loss is negative', async () => {
  let offset = 0;
  const clock = { now: () => new Date(Date.now() + offset), monotonic: systemClock.monotonic };
  offset = -86_400_000;
  const progress = atStep('restoring', () => {
    offset = -2 * 86_400_000;
  });
  const report = await drill({}, { clock, progress });
  expect(report.verdict).toBe('proven');
  expect(report.dataLoss).toMatchObject({ ms: 0 });
  expect(report.timings.total).toBeGreaterThan(0);
  expect(report.timings.total).toBeLessThan(600_000);
});

test('a copy that differs is a mismatch, and the difference is named', async () => {
  const beforeProof: DrillDeps['beforeProof'] = async (server, name) => {
    const client = await server.connect(name);
    await client.query(`UPDATE items SET name = 'changed' WHERE id = 1234`);
    await client.end();
  };
  const report = await drill({}, { beforeProof });
  expect(report).toMatchObject({
    verdict: 'mismatch',
    failure: { code: 'not-identical', message: expect.stringMatching(/items.*id=1234.*name/) },
  });
  expect(catalog.get(backup.id)?.proof.status).toBe('mismatch');
});
