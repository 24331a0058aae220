import { type AddressInfo, connect } from 'node:net';
import type { DatabaseSync } from 'node:sqlite';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BackupCatalog } from '../backup/catalog.ts';
import { newBackup } from '../backup/new-backup.ts';
import type { Backup } from '../backup/schema.ts';
import type { DrillReport } from '../drill/schema.ts';
import { DrillStore } from '../drill/store.ts';
import { listOperations, recordOperation } from '../governance/operations.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLog } from '../kernel/log.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import type { Component } from '../observability/schema.ts';
import { collectStatus } from '../observability/status.ts';
import { platformSchema } from '../platform/schema.ts';
import { buildApi } from './app.ts';
import { problemSchema } from './problems.ts';

const platform = platformSchema.parse({
  name: 'home',
  environment: 'dev',
  databases: ['shop', 'wiki'].map((name) => ({ name, connection: { database: name } })),
  backup: { vault: { repository: '/vault', password: { file: '/key' } } },
});
const component = (name: string, status: Component['status']): Component => ({
  name,
  status,
  detail: `${name} is ${status}`,
  checkedAt: new Date().toISOString(),
  ageMs: 3,
  maxAgeMs: 1_000,
  durationMs: 1,
  measured: {},
});
const backup = (number: number, database = 'shop', status: Backup['status'] = 'good'): Backup => {
  const at = new Date(Date.UTC(2026, 5, 1, number)).toISOString();
  return {
    ...newBackup(`b-${String(number).padStart(3, '0')}`, database, new Date(at), false),
    finishedAt: at,
    status,
    durationMs: 1,
    rows: 1,
    tables: 1,
  };
};
const drill = (id: string, verdict: DrillReport['verdict'], at: string): DrillReport => ({
  format: 'socle-drill/1',
  id,
  platform: 'home',
  database: 'shop',
  backup: 'b-001',
  backupAt: at,
  startedAt: at,
  finishedAt: at,
  verdict,
  level: null,
  failure: null,
  recoveryTime: null,
  dataLoss: null,
  timings: { preflight: 0, fetch: 0, restore: 0, proof: 0, cleanup: 0, total: 0 },
  proof: {
    level: null,
    tables: [],
    checks: [],
    respelled: [],
    differences: [],
    differencesTotal: 0,
    notes: [],
    notCompared: [],
  },
  scratch: { sandbox: 'none', serverVersion: null, memoryLimit: 1, diskLimit: 1, peakMemory: null, peakDisk: null },
  artifact: { bytes: 1, sha256: '0' },
  notes: [],
});

let app: FastifyInstance;
let db: DatabaseSync;
let components: Component[] = [component('disk', 'pass'), component('vault', 'warn')];

beforeAll(async () => {
  db = openDatabase(':memory:');
  const [backups, drills] = [new BackupCatalog(db), new DrillStore(db)];
  for (let number = 1; number <= 23; number += 1) backups.save(backup(number));
  backups.save(backup(24, 'wiki', 'incomplete'));
  backups.save(backup(25, 'gone'));
  drills.save(drill('d-001', 'mismatch', '2026-06-01T00:00:00.000Z'));
  drills.save(drill('d-002', 'proven', '2026-06-08T00:00:00.000Z'));
  for (const subject of ['a', 'b', 'c']) {
    await recordOperation(db, systemClock, { action: 'backup.run', actor: 'cli:me', subject }, async () => {});
  }
  app = await buildApi({
    log: createLog('silent'),
    host: '10.8.0.1',
    databases: platform.databases.map((one) => one.name),
    components: () => components,
    component: (name) => components.find((one) => one.name === name),
    status: () => collectStatus(platform, db, systemClock),
    backups,
    drills,
    drift: () => null,
    operations: (limit, after) => listOperations(db, limit, after),
    metrics: async () => ({ type: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' }),
    notReady: () => null,
  });
});
afterAll(() => app.close());

const get = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { host: 'localhost', ...headers } });

test('it answers to names of loopback, and to the address that it listens on', async () => {
  for (const host of ['localhost:7410', '127.0.0.1', '[::1]:7410', '10.8.0.1', '10.8.0.1:7410']) {
    expect((await get('/readyz', { host })).statusCode, host).toBe(200);
  }
  expect((await get('/readyz', { host: '10.8.0.2:7410' })).statusCode).toBe(421);
});

test('health: the worst of the components, with ages; a failure is a 503', async () => {
  const warn = await get('/v1/health');
  expect(warn.statusCode).toBe(200);
  expect(warn.headers['content-type']).toMatch(/^application\/health\+json/);
  expect(warn.json()).toMatchObject({
    status: 'warn',
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    checks: { disk: [{ status: 'pass', ageMs: 3 }], vault: [{ status: 'warn', output: 'vault is warn' }] },
    databases: [
      { name: 'shop', backups: { state: 'overdue' } },
      { name: 'wiki', backups: { state: 'never succeeded' } },
    ],
  });
  components = [component('disk', 'pass'), component('vault', 'fail')];
  expect((await get('/v1/health')).statusCode).toBe(503);
});

test('components and their readiness', async () => {
  expect((await get('/v1/components')).json().items).toHaveLength(2);
  expect((await get('/v1/components/disk/readiness')).json()).toMatchObject({ ready: true, name: 'disk' });
  expect((await get('/v1/components/vault/readiness')).statusCode).toBe(503);
  const unknown = await get('/v1/components/moon/readiness');
  expect(unknown.json()).toMatchObject({ status: 404, errors: [{ field: 'name', allowed: ['disk', 'vault'] }] });
  expect((await get('/livez')).json()).toEqual({ status: 'pass' });
  expect((await get('/readyz')).json()).toEqual({ status: 'pass' });
});

test('pages: every backup once, newest first, and an absent cursor is the only end', async () => {
  const seen: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const { items, next } = (await get(`/v1/backups?limit=10${cursor ? `&cursor=${cursor}` : ''}`)).json();
    seen.push(...items.map((one: Backup) => one.id));
    cursor = next;
    pages += 1;
  } while (cursor !== undefined);
  expect(pages).toBe(3);
  expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `b-${String(25 - index).padStart(3, '0')}`));
  const exact = (await get('/v1/backups?limit=25')).json();
  expect(exact.items).toHaveLength(25);
  expect('next' in exact).toBe(false);
});

test('filters: by database and status; one backup by its id', async () => {
  expect((await get('/v1/backups?database=shop&limit=200')).json().items).toHaveLength(23);
  expect((await get('/v1/backups?status=incomplete')).json().items).toMatchObject([{ database: 'wiki' }]);
  expect((await get('/v1/backups?database=gone')).json().items).toHaveLength(1);
  expect((await get('/v1/backups/b-007')).json()).toMatchObject({ id: 'b-007', status: 'good' });
  expect((await get('/v1/backups/b-999')).statusCode).toBe(404);
});

test('drills: a list without proofs, the latest, one as JSON and as a page', async () => {
  const { items } = (await get('/v1/drills')).json();
  expect(items.map((one: DrillReport) => one.id)).toEqual(['d-002', 'd-001']);
  expect(items[0]).not.toHaveProperty('proof');
  expect((await get('/v1/drills?verdict=mismatch')).json().items).toHaveLength(1);
  expect((await get('/v1/drills/latest')).json()).toMatchObject({ id: 'd-002', proof: { tables: [] } });
  expect((await get('/v1/drills/latest?database=shop')).json().id).toBe('d-002');
  expect((await get('/v1/drills/latest?database=wiki')).json()).toMatchObject({
    status: 404,
    next: 'run `socle drill run`',
  });
  expect((await get('/v1/drills/d-001')).json().id).toBe('d-001');
  const browser = await get('/v1/drills/d-001', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' });
  expect(browser.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(browser.body).toContain('<!doctype html>');
  expect((await get('/v1/drills/d-001/report.html')).headers['content-security-policy']).toMatch(
    /^default-src 'none'; style/,
  );
});

test('operations page by page, metrics, and the description', async () => {
  const first = (await get('/v1/operations?limit=2')).json();
  const second = (await get(`/v1/operations?limit=2&cursor=${first.next}`)).json();
  expect([...first.items, ...second.items].map((one) => one.subject)).toEqual(['c', 'b', 'a']);
  expect((await get('/metrics')).headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect((await get('/openapi.json')).json().openapi).toBe('3.1.0');
});

test.each([
  ['/v1/backups?limit=0', 'limit', undefined],
  ['/v1/backups?limit=ten', 'limit', undefined],
  ['/v1/backups?status=fine', 'status', ['running', 'good', 'incomplete', 'failed', 'damaged']],
  ['/v1/backups?database=shopp', 'database', ['shop', 'wiki']],
  ['/v1/backups?cursor=nonsense', 'cursor', undefined],
  ['/v1/drills?page=2', 'page', undefined],
])('%s is refused, naming %s and what is allowed', async (url, field, allowed) => {
  const answer = await get(url);
  expect(answer.statusCode).toBe(400);
  const [error] = problemSchema.parse(answer.json()).errors ?? [];
  expect(error?.field).toBe(field);
  if (allowed) expect(error?.allowed).toEqual(allowed);
});

test.each([
  ['an unknown path', { url: '/v2/backups' }, 404, 'not-found'],
  ['a path that cannot be decoded', { url: '/v1/backups/%zz' }, 400, 'usage'],
  ['POST', { url: '/v1/backups', method: 'POST' as const, payload: '{}' }, 405, 'method-not-allowed'],
  ['DELETE of something unknown', { url: '/nothing', method: 'DELETE' as const }, 405, 'method-not-allowed'],
  [
    'another name for this host',
    { url: '/v1/backups', headers: { host: 'evil.example:7410' } },
    421,
    'host-not-allowed',
  ],
  [
    'a name that ends like ours',
    { url: '/v1/backups', headers: { host: 'localhost.evil.example' } },
    421,
    'host-not-allowed',
  ],
])('%s is a problem document with an id', async (_name, request, status, code) => {
  const answer = await app.inject({
    ...request,
    headers: { host: '127.0.0.1:7410', ...('headers' in request ? request.headers : {}) },
  });
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = problemSchema.parse(answer.json());
  expect(problem).toMatchObject({ status, code, type: `urn:socle:problem:${code}`, instance: request.url });
  expect(answer.headers['x-request-id']).toBe(problem.correlationId);
  if (status === 405) expect(answer.headers.allow).toBe('GET, HEAD');
});

test('the correlation id is the caller’s when it gives a sound one', async () => {
  expect((await get('/livez', { 'x-request-id': 'abc-12345' })).headers['x-request-id']).toBe('abc-12345');
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traced = await get('/livez', { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  expect(traced.headers['x-request-id']).toBe(trace);
  expect((await get('/livez', { 'x-request-id': '<script>alert(1)</script>' })).headers['x-request-id']).toMatch(
    /^[0-9a-f-]{36}$/,
  );
});

test('a defect answers 500 without a word of what it was', async () => {
  components = new Proxy(components, {
    get: () => {
      throw new Error('password=canary at /root/.pgpass');
    },
  });
  const answer = await get('/v1/components');
  components = [component('disk', 'pass')];
  expect(answer.json()).toMatchObject({ status: 500, code: 'internal', category: 'internal' });
  expect(answer.body).not.toMatch(/canary|pgpass/);
});

test('headers keep browsers from guessing, caching and embedding', async () => {
  expect((await get('/v1/backups')).headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  });
});

test('what is not HTTP is answered with a problem, and the connection is closed', async () => {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('HELLO\r\n\r\n'));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(problemSchema.parse(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''))).toMatchObject({ code: 'usage' });
});
