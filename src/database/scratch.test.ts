import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { newestBin } from '../../test/support/postgres.ts';
import { start } from '../kernel/process.ts';
import type { ScratchServer } from './restored-server.ts';
import { startScratch } from './scratch.ts';
import { destroyLeftovers, makePlace, processesIn } from './scratch-place.ts';
import { processTree } from './scratch-processes.ts';

const limits = { memory: 512 * 2 ** 20, disk: 400 * 2 ** 20, reserve: 0 };
let root: string;
let major: number;
const servers: ScratchServer[] = [];

async function scratch(options: Partial<Parameters<typeof startScratch>[0]> = {}): Promise<ScratchServer> {
  const server = await startScratch({ root, major, limits, ...options });
  servers.push(server);
  return server;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-scratch-test-with-a-name-too-long-for-the-path-of-a-socket-'.repeat(2)));
  major = Number((await newestBin()).split('/').at(-2));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.destroy()));
  expect(readdirSync(root)).toEqual([]);
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('a scratch server answers on its socket, runs programs beside it, and leaves nothing', async () => {
  const server = await scratch({ superuser: 'Ünïque boss', settings: { TimeZone: 'Asia/Kathmandu' } });
  const client = await server.connect('postgres');
  const { rows } = await client.query(`SELECT current_user AS me, current_setting('TimeZone') AS zone,
    current_setting('fsync') AS fsync, current_setting('listen_addresses') AS listen`);
  await client.end();
  expect(rows).toEqual([{ me: 'Ünïque boss', zone: 'Asia/Kathmandu', fsync: 'on', listen: '' }]);

  const file = join(server.directory, 'archive', 'hello.sql');
  writeFileSync(file, 'SELECT 6 * 7', { mode: 0o644 });
  const psql = server.start('psql', ['-X', '-A', '-t', '-d', 'postgres', '-f', file], [file]);
  const printed = psql.stdout?.toArray();
  expect((await psql.ended).exitCode).toBe(0);
  expect(String(await printed)).toBe('42\n');

  const directory = server.directory;
  await Promise.all([server.destroy(), server.destroy()]);
  expect(existsSync(directory)).toBe(false);
  expect(processesIn(directory)).toEqual([]);
});

test('a server that dies says so, and its programs with it', async () => {
  const server = await scratch();
  const client = await server.connect('postgres');
  const { rows } = await client.query<{ pid: number }>(`SELECT pg_backend_pid() AS pid`);
  expect(rows[0]?.pid).toBeLessThan(1_000);
  process.kill(processesIn(server.directory)[0] ?? 0, 'SIGKILL');
  await expect.poll(() => server.failure()).toMatchObject({ code: 'scratch-failed' });
  await expect(server.connect('postgres')).rejects.toMatchObject({ code: 'scratch-failed' });
  expect(() => server.start('psql', [])).toThrow();
});

test('a server that fills its disk is stopped', async () => {
  const server = await scratch();
  const client = await server.connect('postgres');
  await expect(
    client.query(`CREATE TABLE big AS SELECT repeat(md5(i::text), 30) AS text FROM generate_series(1, 2000000) i`),
  ).rejects.toThrow();
  await expect.poll(() => server.failure(), { timeout: 10_000 }).toMatchObject({ code: 'drill-out-of-space' });
  await expect.poll(() => processesIn(server.directory), { timeout: 10_000 }).toEqual([]);
  expect(server.peak().disk).toBeGreaterThan(limits.disk);
});

test('many small processes that hold memory together are stopped', async () => {
  const server = await scratch({ limits: { ...limits, memory: 256 * 2 ** 20 } });
  const client = await server.connect('postgres');
  const program = `for i in $(seq 20); do (x=$(head -c 30000000 /dev/zero | tr "\\0" x); sleep 60; echo $x) & done; wait`;
  await client.query('CREATE TABLE t (x text)');
  await expect(client.query(`COPY t FROM PROGRAM '${program}'`)).rejects.toThrow();
  await expect.poll(() => server.failure(), { timeout: 10_000 }).toMatchObject({ code: 'drill-out-of-memory' });
});

test('a fork bomb ends at the limit of its own user and does not reach ours', async () => {
  const server = await scratch();
  const client = await server.connect('postgres');
  await client.query('CREATE TABLE t (x text)');
  await expect(
    client.query(`COPY t FROM PROGRAM 'i=0; while [ $i -lt 1000 ]; do sleep 2 & i=$((i+1)); done; wait'`),
  ).rejects.toThrow(/program/);
  expect(processesIn(server.directory).length).toBeLessThan(600);
  const own = start('true', []);
  expect((await own.ended).exitCode).toBe(0);
});

test('a program that is stopped at any moment of its start ends, and leaves nothing', async () => {
  const server = await scratch();
  // The server's own processes start one by one: those count that are there once all of them are.
  const client = await server.connect('postgres');
  const own = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type <> 'client backend'`;
  await expect.poll(async () => (await client.query(own)).rows[0]?.n, { timeout: 20_000 }).toBeGreaterThanOrEqual(4);
  const before = processesIn(server.directory).length;
  for (let round = 0; round < 60; round += 1) {
    const stop = new AbortController();
    // One that came as far as its query has a session, which ends once the server sees that nobody is there.
    const env = { PGOPTIONS: '-c client_connection_check_interval=200' };
    const args = ['-d', 'postgres', '-c', 'SELECT pg_sleep(3600)'];
    const child = server.start('psql', args, [], { signal: stop.signal, env });
    // Its inner process is there and has not been let in yet; then a bit later each time.
    const until = performance.now() + 5_000;
    while (processTree(child.pid ?? 0).length === 1 && performance.now() < until);
    for (let look = 0; look < round; look += 1) processTree(child.pid ?? 0);
    stop.abort();
    expect(await child.ended).toMatchObject({ aborted: true });
  }
  await expect.poll(() => processesIn(server.directory).length, { timeout: 10_000 }).toBeLessThanOrEqual(before);
  await client.end();
});

test('a `du` that fails says nothing, and ends neither the server nor us', async () => {
  const programs = await mkdtemp(join(tmpdir(), 'socle-du-'));
  const asked = join(programs, 'asked');
  writeFileSync(join(programs, 'du'), `#!/bin/sh\necho asked >>${asked}\nkill -9 $$\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${programs}:${process.env.PATH}`);
  try {
    const server = await scratch();
    await expect
      .poll(() => existsSync(asked) && readFileSync(asked, 'utf8').split('\n').length > 2, { timeout: 30_000 })
      .toBe(true);
    expect(server.failure()).toBeNull();
    await (await server.connect('postgres')).end();
  } finally {
    vi.unstubAllEnvs();
    await rm(programs, { recursive: true });
  }
});

test('what was put in the place of its socket is never followed', async () => {
  const server = await scratch();
  const client = await server.connect('postgres');
  await client.query('CREATE TABLE t (x text)');
  const swap =
    'cd /scratch/run && rm -f .s.PGSQL.5432 && ln -s /run/postgresql/.s.PGSQL.5432 .s.PGSQL.5432; ls -l /scratch/run';
  await client.query(`COPY t FROM PROGRAM '${swap}'`);
  await client.end();
  const again = await server.connect('postgres');
  expect((await again.query('SELECT count(*)::int AS n FROM t')).rows[0].n).toBeGreaterThan(0);
  await again.end();
});

test('the server of a process that is gone is found and removed, and that of a living one is not', async () => {
  const living = await scratch();
  const script = join(root, 'orphan.ts');
  writeFileSync(
    script,
    `import { startScratch } from ${JSON.stringify(new URL('./scratch.ts', import.meta.url).href)};
     const server = await startScratch(${JSON.stringify({ root, major, limits })});
     process.stdout.write(server.directory + '\\n');
     setInterval(() => {}, 1000);`,
  );
  const child = start(process.execPath, [script]);
  const directory = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (line) => resolve(String(line).trim())),
  );
  child.kill('SIGKILL');
  await child.ended;
  await rm(script);
  await expect.poll(() => processesIn(directory), { timeout: 10_000 }).toEqual([]);
  expect(existsSync(directory)).toBe(true);
  expect(await destroyLeftovers(root)).toEqual([directory]);
  expect(readdirSync(root).map((name) => join(root, name))).toEqual([living.directory]);
});

test('what a drill that was killed still fetches does not come back after its server was removed', async () => {
  const { directory } = makePlace(root);
  const target = join(directory, 'archive', '.fetch-a');
  // As a restic does that outlived the process that started it: it makes the directories again that it writes into.
  const fetching = start('sh', ['-c', 'while mkdir -p "$1"; do : >"$1/part"; done', 'sh', target]);
  await expect.poll(() => existsSync(join(target, 'part'))).toBe(true);
  const owner = { pid: 2 ** 22 + 1, startedAt: 0, bootId: 'gone' };
  writeFileSync(join(directory, 'owner.json'), JSON.stringify(owner));
  expect(await destroyLeftovers(root)).toEqual([directory]);
  expect((await fetching.ended).exitCode).not.toBe(0);
  expect(readdirSync(root)).toEqual([]);
});
