import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { makeKeyCheap } from '../../test/support/cheap-key.ts';
import { type DaemonBench, makeDaemonBench, type RunningDaemon } from '../../test/support/daemon.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { BackupCatalog } from '../backup/catalog.ts';
import type { Backup } from '../backup/schema.ts';
import { grantSql } from '../database/grant.ts';
import type { DrillReport } from '../drill/schema.ts';
import type { Operation } from '../governance/schema.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { type JobKind, ScheduleStore } from '../observability/schedule-store.ts';
import { loadPlatform } from '../platform/load.ts';

const off = { schedule: 'off', deep_schedule: 'off', jitter: '0s', integrity: { schedule: 'off' } };
/** Not the minute of now: what starts is the catch-up, and not the schedule itself. */
const cron = `${(new Date().getMinutes() + 30) % 60} * * * *`;

let server: TestServer;
let http: HttpServer;
let silent: Server;
const silentSockets = new Set<Socket>();
let calls: Array<{ path: string; body: Record<string, unknown> }> = [];
let bench: DaemonBench | undefined;
let daemon: RunningDaemon | undefined;

const port = (of: { address(): unknown }) => (of.address() as AddressInfo).port;
const secretFile = (directory: string, name: string, value: string) => {
  writeFileSync(join(directory, name), value, { mode: 0o600 });
  return { file: join(directory, name) };
};

beforeAll(async () => {
  server = await startPostgres();
  http = createHttp(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    calls.push({ path: request.url ?? '', body: body === '' ? {} : JSON.parse(body) });
    response.end();
  });
  silent = createServer((socket) => silentSockets.add(socket.on('error', () => {})));
  for (const one of [http, silent]) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', () => resolve()));
});
afterAll(async () => {
  http.close();
  for (const socket of silentSockets) socket.destroy();
  silent.close();
  await server.stop();
});
beforeEach(() => {
  calls = [];
});
afterEach(async () => {
  daemon?.kill('SIGKILL');
  await daemon?.ended;
  daemon = undefined;
  bench?.dispose();
  bench = undefined;
});

/** A platform with one database, `shop`, and a vault that is there. */
async function realPlatform(
  backup: object,
  drill: object = { schedule: 'off' },
  ops: object = {},
): Promise<DaemonBench> {
  const database = await server.createDatabase('shop');
  const made = makeDaemonBench((directory) => ({
    databases: [{ name: 'shop', connection: { host: server.host, port: server.port, database } }],
    backup: {
      ...off,
      ...backup,
      vault: { repository: join(directory, 'vault'), password: { file: join(directory, 'key') } },
    },
    drill: { jitter: '0s', ...drill },
    ops: {
      ...ops,
      notify: { webhook: { url: secretFile(directory, 'hook', `http://127.0.0.1:${port(http)}/hook`) } },
      heartbeat: { url: secretFile(directory, 'beat', `http://127.0.0.1:${port(http)}/beat`), every: '1s' },
    },
  }));
  const [config] = (await loadPlatform(made.config)).databases;
  if (!config) throw new Error('no database');
  await server.sql(
    `${grantSql(config)}; CREATE TABLE item (id int PRIMARY KEY, name text);
    INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 5000) i`,
    database,
  );
  await made.socle('vault', 'init');
  await makeKeyCheap(join(made.directory, 'vault'), join(made.directory, 'key'));
  return made;
}

/** As if the daemon had run two days ago, and not since: it starts with one run to catch up on. */
function wasDown(made: DaemonBench, kind: JobKind, pattern: string): void {
  const db = openDatabase(made.stateFile);
  const then = new Date(Date.now() - 2 * 86_400_000);
  const key = { job: `${kind}:shop`, kind, database: 'shop', pattern: `${pattern} Europe/Paris` };
  new ScheduleStore(db).anchor(key, then);
  db.close();
}

/** Reads the state of a daemon that may be running, or dead. */
function look<T>(made: DaemonBench, read: (db: ReturnType<typeof openDatabase>) => T): T {
  const db = openDatabase(made.stateFile);
  try {
    return read(db);
  } finally {
    db.close();
  }
}

const backupsOf = (made: DaemonBench) => look(made, (db) => new BackupCatalog(db).list());
const runsOf = (made: DaemonBench) =>
  look(made, (db) => new ScheduleStore(db).runs(['backup', 'drill'], 'shop', new Date(0)));
const wait = { timeout: 200_000, interval: 200 };

/** Processes whose command line holds `text`. */
function processes(text: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

test('after two days down: a backup, then a drill, each told once; the API, the heartbeats and the metrics show it', async () => {
  bench = await realPlatform({ schedule: cron }, { schedule: cron });
  wasDown(bench, 'backup', cron);
  wasDown(bench, 'drill', cron);
  daemon = await bench.serve();
  const made = bench;
  const { get } = daemon;
  await vi.waitFor(async () => {
    expect((await get('/v1/drills/latest')).status).toBe(200);
    expect((await get('/v1/health')).json()).toMatchObject({ status: 'pass' });
    expect(runsOf(made).filter((run) => run.state === 'ok')).toHaveLength(2);
  }, wait);

  const drill = (await get('/v1/drills/latest')).json<DrillReport>();
  expect(drill).toMatchObject({
    verdict: 'proven',
    level: 'identical-to-artifact',
    dataLoss: { measuredBy: 'heartbeat' },
  });
  const { items } = (await get('/v1/backups')).json<{ items: Backup[] }>();
  expect(items).toMatchObject([{ id: drill.backup, status: 'good', proof: { status: 'identical-to-artifact' } }]);
  const actions = (await get('/v1/operations')).json<{ items: Operation[] }>().items;
  expect(actions.map(({ action, actor, result }) => `${action} ${actor} ${result}`)).toEqual([
    'drill.run scheduler ok',
    expect.stringMatching(/^backup\.prune scheduler ok$/),
    'backup.run scheduler ok',
    expect.stringMatching(/^vault\.init cli:\w+ ok$/),
  ]);

  const states = runsOf(bench).map((run) => `${run.job} ${run.state}`);
  expect(states.filter((state) => state.endsWith(' ok'))).toEqual(
    expect.arrayContaining(['backup:shop ok', 'drill:shop ok']),
  );
  expect(states.filter((state) => state.endsWith(' missed')).length).toBe(states.length - 2);

  await vi.waitFor(() => expect(calls.filter(({ path }) => path === '/hook')).toHaveLength(4), wait);
  expect(
    calls
      .filter(({ path }) => path === '/hook')
      .map(({ body }) => `${body.kind} ${body.from} -> ${body.to}`)
      .sort(),
  ).toEqual([
    'backups never succeeded -> ok',
    'backups null -> never succeeded',
    'drills never succeeded -> ok',
    'drills null -> never succeeded',
  ]);
  await vi.waitFor(() => expect(calls.some(({ path }) => path === '/beat')).toBe(true), wait);

  const metrics = (await get('/metrics')).body;
  expect(metrics).toMatch(/^socle_backup_last_success_timestamp_seconds\{database="shop"\} 1\d{9}/m);
  expect(metrics).toMatch(/^socle_restore_drill_total\{database="shop",result="proven"\} 1$/m);
  expect(metrics).toMatch(/^socle_recovery_time_seconds\{database="shop"\} \d/m);
  expect(metrics).toMatch(/^socle_vault_size_bytes \d{4,}$/m);
  expect((await bench.socle('status', '--json')).stdout).toContain('"state": "ok"');
  expect(daemon.peakMemory()).toBeLessThan(150 * 2 ** 20);
  process.stdout.write(`peak resident memory of the daemon: ${(daemon.peakMemory() / 2 ** 20).toFixed(0)} MiB\n`);

  daemon.kill('SIGTERM');
  expect(await daemon.ended).toMatchObject({ exitCode: 0 });
});

test('kill -9 of the daemon in the middle of a backup: the job ends too, is marked, and is made again at the next start', async () => {
  bench = await realPlatform({ schedule: cron });
  wasDown(bench, 'backup', cron);
  daemon = await bench.serve();
  const made = bench;
  await vi.waitFor(() => expect(backupsOf(made)).toMatchObject([{ status: 'running' }]), { ...wait, interval: 20 });
  daemon.kill('SIGKILL');
  await daemon.ended;
  await vi.waitFor(() => expect(processes(made.config)).toEqual([]), wait);
  expect(runsOf(made).map((run) => run.state)).toContain('running');

  daemon = await made.serve();
  expect(daemon.log()).toContain('a job was interrupted when Socle ended');
  await vi.waitFor(() => expect(runsOf(made)[0]).toMatchObject({ state: 'ok', attempts: 2 }), wait);
  const [again, first, ...more] = backupsOf(made);
  expect([again, first, more]).toMatchObject([
    { status: 'good' },
    { status: 'failed', failure: { code: 'interrupted' } },
    [],
  ]);
  await vi.waitFor(() => expect(calls.filter(({ path }) => path === '/hook').length).toBeGreaterThanOrEqual(2), wait);
  expect(calls.filter(({ body }) => body.kind === 'backups').map(({ body }) => body.to)).toEqual([
    'never succeeded',
    'ok',
  ]);
});

test('kill -9 of a job: the daemon says so at once, and goes on', async () => {
  bench = await realPlatform({ schedule: cron });
  wasDown(bench, 'backup', cron);
  daemon = await bench.serve();
  const made = bench;
  await vi.waitFor(() => expect(backupsOf(made)).toMatchObject([{ status: 'running' }]), { ...wait, interval: 20 });
  const jobs = processes(made.config).filter((pid) => Number(pid) !== daemon?.pid);
  for (const pid of jobs) process.kill(Number(pid), 'SIGKILL');
  await vi.waitFor(
    () => expect(runsOf(made)[0]).toMatchObject({ state: 'failed', detail: 'backup: it ended with 137' }),
    wait,
  );
  expect(backupsOf(made)).toMatchObject([{ status: 'failed', failure: { code: 'interrupted' } }]);
  const { get } = daemon;
  await vi.waitFor(async () => {
    const { databases } = (await get('/v1/health')).json<{ databases: Array<{ backups: { detail: string } }> }>();
    expect(databases[0]?.backups.detail).toContain('137');
  }, wait);
});

test('SIGTERM ends a running job in an orderly way, and the daemon with it', async () => {
  bench = await realPlatform({ schedule: cron });
  wasDown(bench, 'backup', cron);
  daemon = await bench.serve();
  const made = bench;
  await vi.waitFor(() => expect(backupsOf(made)).toMatchObject([{ status: 'running' }]), { ...wait, interval: 20 });
  daemon.kill('SIGTERM');
  expect(await daemon.ended).toMatchObject({ exitCode: 0 });
  expect(backupsOf(made)).toMatchObject([{ status: 'failed', failure: { code: 'interrupted' } }]);
  expect(runsOf(made)[0]).toMatchObject({ state: 'interrupted' });
  expect(processes(made.config)).toEqual([]);
});

test('a database and a vault that never answer do not slow /v1/health down', async () => {
  const dead = { host: '127.0.0.1', port: port(silent), database: 'shop' };
  bench = makeDaemonBench((directory) => ({
    databases: ['one', 'two', 'three'].map((name) => ({ name, connection: dead })),
    backup: {
      ...off,
      vault: { repository: `rest:http://127.0.0.1:${port(silent)}/`, password: { file: join(directory, 'key') } },
    },
  }));
  daemon = await bench.serve();
  const { get } = daemon;
  const took: number[] = [];
  await vi.waitFor(
    async () => {
      const began = performance.now();
      const health = (await get('/v1/health')).json<{ checks: Record<string, Array<{ output: string }>> }>();
      took.push(performance.now() - began);
      for (const name of ['one', 'two', 'three'])
        expect(health.checks[`postgresql-${name}`]?.[0]?.output).toBe('no answer within 5.0 s');
    },
    { timeout: 30_000, interval: 20 },
  );
  took.sort((a, b) => a - b);
  // One that waits for a probe would take the whole five seconds of it, and be the only one.
  expect(took.length).toBeGreaterThan(20);
  expect(took[Math.floor(took.length * 0.95)]).toBeLessThan(250);
  expect((await get('/v1/components/vault/readiness')).status).toBe(503);
  expect((await get('/readyz')).status).toBe(200);
});
