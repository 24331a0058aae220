import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { atStep, type BackupBench, makeBackupBench, nameOf, quiet } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';
import { checkDatabase } from '../database/check.ts';
import { openSnapshot } from '../database/snapshot.ts';
import { runDrill } from '../drill/run.ts';
import { runBackup } from './run.ts';
import { manifestSchema } from './schema.ts';

let primary: TestServer;
let standby: TestServer;
let bench: BackupBench;
let scratch: string;
let database: string;

beforeAll(async () => {
  [primary, bench, scratch] = await Promise.all([
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-drills-')),
  ]);
  database = await primary.createDatabase('shop');
  await primary.sql(
    `CREATE SCHEMA socle; CREATE TABLE socle.heartbeat (writer text PRIMARY KEY, at timestamptz NOT NULL);
     CREATE TABLE items (id serial PRIMARY KEY, name text NOT NULL);
     INSERT INTO items (name) SELECT 'item ' || i FROM generate_series(1, 3000) i;
     CREATE UNLOGGED TABLE carts (id serial PRIMARY KEY, note text);
     INSERT INTO carts (note) SELECT 'cart ' || i FROM generate_series(1, 500) i;
     CREATE TABLE events (id int, kind text) PARTITION BY LIST (kind);
     CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
     CREATE UNLOGGED TABLE events_b PARTITION OF events FOR VALUES IN ('b');
     INSERT INTO events SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 200) i;
     CREATE TABLE big (id int, pad text); ALTER TABLE big ALTER pad SET STORAGE EXTERNAL;
     INSERT INTO big SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, 6000) i;
     CREATE MATERIALIZED VIEW busy AS SELECT count(*) FROM carts;
     SELECT lo_from_bytea(0, 'a large object')`,
    database,
  );
  standby = await startPostgres({
    standbyOf: primary,
    config: [
      'max_standby_streaming_delay = 0',
      'wal_retrieve_retry_interval = 100ms',
      'wal_receiver_status_interval = 1s',
    ],
  });
  await caughtUp();
});
afterAll(async () => {
  await standby?.stop();
  await primary?.stop();
  await bench?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

async function caughtUp() {
  const { rows } = await primary.sql('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  await until('the standby has replayed', async () => {
    const seen = await standby.sql(`SELECT pg_last_wal_replay_lsn() >= '${rows[0].lsn}' AS all`);
    return seen.rows[0].all === true;
  });
}

const platformOf = (server: TestServer) => {
  const platform = bench.platform(server, [database]);
  return { ...platform, drill: { ...platform.drill, scratch, limits: { ...platform.drill.limits, reserve: 0 } } };
};
const request = (server: TestServer, deep = false) => ({
  platform: platformOf(server),
  database: nameOf(database),
  deep,
  actor: 'cli:test',
});

test('the check foresees conflicts, unlogged tables and the heartbeat, and nothing of it on the primary', async () => {
  const checked = async (server: TestServer) => {
    const { databases, drill } = platformOf(server);
    const [config] = databases;
    if (!config) throw new Error('unreachable');
    return checkDatabase(config, drill.limits, scratch);
  };
  const check = await checked(standby);
  expect(check).toMatchObject({ ok: true, heartbeat: false });
  const notes = check.notes.join('\n');
  expect(notes).toContain('run the SQL of `socle database grant` on its primary');
  expect(notes).toContain('no heartbeat can be written');
  expect(notes).toMatch(/`hot_standby_feedback` is off.*`max_standby_streaming_delay` \(0\).*raise the delay/);
  expect(notes).toContain('public.carts, public.carts_id_seq, public.events_b');
  await standby.sql(`ALTER SYSTEM SET max_standby_streaming_delay = -1`);
  await standby.sql('SELECT pg_reload_conf()');
  await until('the setting is in force', async () => {
    const { rows } = await standby.sql('SHOW max_standby_streaming_delay');
    return rows[0].max_standby_streaming_delay === '-1';
  });
  expect((await checked(standby)).notes.join('\n')).not.toContain('max_standby_streaming_delay');
  await standby.sql('ALTER SYSTEM RESET max_standby_streaming_delay');
  await standby.sql('ALTER SYSTEM SET max_standby_streaming_delay = 0');
  await standby.sql('SELECT pg_reload_conf()');
  const own = await checked(primary);
  expect(own.heartbeat).toBe(true);
  expect(own.notes.join('\n')).not.toMatch(/standby|unlogged/);
});

test('a backup of a standby is good, says what it lacks, and a drill proves all the rest and nothing false', async () => {
  const before = await runBackup(request(primary), bench.deps());
  const backup = await runBackup(request(standby, true), bench.deps());
  expect(before.warnings.join('\n')).not.toContain('standby');
  expect(backup).toMatchObject({ status: 'good', missing: [] });
  const said = backup.warnings.join('\n');
  expect(said).toContain('the backup lacks the rows of public.carts, public.carts_id_seq, public.events_b (');
  // The 500 rows that the backup of the primary had did not go: nobody looked.
  expect(said).not.toContain('shrank');

  const stored = (await bench.vault.list()).find((one) => one.item === 'manifest' && one.id === backup.id);
  const manifest = manifestSchema.parse(
    JSON.parse(await text(bench.vault.read(stored?.snapshot ?? '', '/manifest.json'))),
  );
  const unread = manifest.inventory.relations.filter((one) => one.unread).map(({ name }) => name);
  expect(unread).toEqual(['public.carts', 'public.carts_id_seq', 'public.events_b']);
  expect(manifest.counts.map(({ name }) => name)).not.toContain('public.carts');

  const report = await runDrill(
    { platform: platformOf(standby), backup: backup.id, deep: true, showValues: false, actor: 'cli:test' },
    bench.deps(),
  );
  expect(report).toMatchObject({ verdict: 'proven', proof: { level: 'identical-to-source', differences: [] } });
  expect(report.proof?.notes.join('\n')).toMatch(
    /view public.busy holds other rows.*\n?.*reads one differs for that reason/s,
  );
  expect(report.dataLoss?.measuredBy).toBe('snapshot');
  const tables = new Map(report.proof?.tables.map((table) => [table.name, table.result]));
  expect(tables.get('public.carts')).toBe('not compared');
  expect(tables.get('public.events_b')).toBe('not compared');
  expect(tables.get('public.events_a')).toBe('identical');
  expect(report.proof?.notCompared).toContainEqual({
    what: 'rows of public.carts, public.carts_id_seq, public.events_b',
    why: expect.stringContaining('standby'),
  });
});

test('a standby that receives nothing dates its snapshot by what it has replayed', async () => {
  const [config] = platformOf(standby).databases;
  if (!config) throw new Error('unreachable');
  const began = Date.now();
  const current = await openSnapshot(config.connection);
  await current.close();
  expect(current).toMatchObject({ standby: true });
  expect(current.at.getTime()).toBeGreaterThanOrEqual(began - 1_000);

  await primary.sql('INSERT INTO items (name) VALUES ($$late$$)', database);
  await caughtUp();
  const { rows } = await standby.sql('SELECT pg_last_xact_replay_timestamp() AS at');
  await standby.sql('ALTER SYSTEM SET primary_conninfo = $$$$');
  await standby.sql('SELECT pg_reload_conf()');
  await until('the standby receives nothing', async () => {
    const receivers = await standby.sql('SELECT 1 FROM pg_stat_wal_receiver');
    return receivers.rowCount === 0;
  });
  const behind = await openSnapshot(config.connection);
  await behind.close();
  expect(behind.at).toEqual(rows[0].at);
  await standby.sql(`ALTER SYSTEM SET primary_conninfo = 'host=${primary.host} port=${primary.port} user=postgres'`);
  await standby.sql('SELECT pg_reload_conf()');
  await until('the standby receives again', async () => {
    const receivers = await standby.sql('SELECT 1 FROM pg_stat_wal_receiver');
    return receivers.rowCount === 1;
  });
});

/** At this step of the backup, and before it goes on: the standby has what the primary did. */
function conflictAt(step: string, sql: string) {
  const psql = (server: TestServer, statement: string) =>
    execFileSync(
      join(server.bin, 'psql'),
      ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', server.host, '-U', 'postgres', '-d', database, '-c', statement],
      { encoding: 'utf8', timeout: 20_000 },
    ).trim();
  let times = 0;
  const act = () => {
    times += 1;
    if (times > 1) return;
    // The last one is a commit, which flushes what VACUUM only wrote.
    const flush = `SELECT pg_logical_emit_message(true, '', '')`;
    for (const statement of [...sql.split('; '), flush]) psql(primary, statement);
    const lsn = psql(primary, 'SELECT pg_current_wal_flush_lsn()');
    const deadline = Date.now() + 20_000;
    // A session that sends rows notices the conflict only once we read them again: there, that it has come is enough.
    const seen = step === 'first bytes' ? 'pg_last_wal_receive_lsn' : 'pg_last_wal_replay_lsn';
    while (psql(standby, `SELECT ${seen}() >= '${lsn}'`) !== 't') {
      if (Date.now() > deadline) throw new Error('the standby does not replay');
    }
  };
  const progress = step === 'first bytes' ? { ...quiet, update: act } : atStep(step, act);
  return { progress, times: () => times };
}

test.each([
  ['before pg_dump has the snapshot', 'dumping', 'DELETE FROM items WHERE id <= 100; VACUUM items'],
  ['while pg_dump reads rows', 'first bytes', 'DELETE FROM items WHERE id <= 200; VACUUM items'],
])('a recovery conflict %s is named as what it is', async (_when, step, sql) => {
  const { progress } = conflictAt(step, sql);
  await expect(runBackup(request(standby), bench.deps({ progress }))).rejects.toMatchObject({
    code: 'standby-conflict',
    message: expect.stringMatching(/conflict with recovery/),
  });
  // The next one is whole again.
  expect(await runBackup(request(standby), bench.deps())).toMatchObject({ status: 'good' });
});

test('a definition that goes on the primary while the dump begins only makes it begin again', async () => {
  await primary.sql('CREATE TABLE gone AS SELECT 1 AS a', database);
  await caughtUp();
  const { progress, times } = conflictAt('dumping', 'DROP TABLE gone');
  expect(await runBackup(request(standby), bench.deps({ progress }))).toMatchObject({ status: 'good' });
  expect(times()).toBe(2);
});
