import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { createLog } from '../kernel/log.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { platformSchema } from '../platform/schema.ts';
import type { Fault, Pulses } from './pulse.ts';
import { serve } from './serve.ts';

/** Every loop of a daemon that has all of them, times every way in which its work can fail. */

let directory: string;
let controller: AbortController;
let running: Promise<void>;
let pulses: Pulses;
let url: string;
let fault: Fault = () => {};
const wait = { timeout: 20_000, interval: 50 };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'socle-faults-'));
  controller = new AbortController();
  fault = () => {};
  writeFileSync(join(directory, 'url'), 'http://127.0.0.1:1/', { mode: 0o600 });
  writeFileSync(join(directory, 'key'), 'vault-password\n', { mode: 0o600 });
  const valid = platformSchema.parse({
    name: 'home',
    environment: 'dev',
    databases: [{ name: 'shop', connection: { host: '127.0.0.1', port: 1, database: 'shop' } }],
    backup: {
      vault: { repository: join(directory, 'vault'), password: { file: join(directory, 'key') } },
      schedule: '0 0 1 1 *',
    },
    ops: {
      state: join(directory, 'state'),
      notify: {
        mail: { host: '127.0.0.1', port: 1, tls: 'none', from: 'socle@example.org', to: ['ops@example.org'] },
        webhook: { url: { file: join(directory, 'url') } },
      },
      heartbeat: { url: { file: join(directory, 'url') }, every: '1s' },
    },
  });
  const platform = { ...valid, ops: { ...valid.ops, listen: { host: '127.0.0.1', port: 0 } } };
  await new Promise<void>((resolve, reject) => {
    running = serve(
      platform,
      {
        configFile: '/nowhere',
        signal: controller.signal,
        onListening: (at, all) => {
          [url, pulses] = [at, all];
          resolve();
        },
      },
      { clock: systemClock, log: createLog('silent'), fault: (name, signal) => fault(name, signal) },
    );
    running.catch(reject);
  });
});
afterEach(async () => {
  controller.abort();
  await running;
  rmSync(directory, { recursive: true, force: true });
});

const stateOf = (name: string) => pulses.list().find((one) => one.name === name);
const get = async (path: string) => (await fetch(url + path)).text();

const ways: Record<string, (work: { name: string }) => Fault> = {
  'a throw': (work) => (name) => {
    if (name === work.name) throw new Error('injected: at once');
  },
  'a rejection': (work) => async (name) => {
    if (name === work.name) throw new Error('injected: later');
  },
  'a locked database': (work) => (name) => {
    if (name === work.name) throw Object.assign(new Error('injected: database is locked'), { errcode: 5 });
  },
  'a fork failure': (work) => (name) => {
    if (name === work.name) throw Object.assign(new Error('injected: spawn EAGAIN'), { code: 'EAGAIN' });
  },
};

test('each loop of the daemon goes on by itself after each fault, and shows it while it lasts', async () => {
  const names = pulses.list().map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['schedule', 'state', 'heartbeat of databases', 'external heartbeat', 'retention']),
  );
  expect(names.filter((name) => name.startsWith('notify:'))).toHaveLength(2);
  expect(names.filter((name) => name.startsWith('probe:')).length).toBeGreaterThan(6);
  const table: string[] = [];
  for (const [what, make] of Object.entries(ways)) {
    // All at once: a day has more loops than a test has seconds.
    const before = new Map(pulses.list().map((one) => [one.name, one.lastSuccessAt]));
    fault = (name, signal) => make({ name })(name, signal);
    const shown = new Set<string>();
    await vi.waitFor(() => {
      for (const name of names) {
        pulses.now(name);
        if (stateOf(name)?.failing?.reason.startsWith('injected')) shown.add(name);
      }
      expect(names.filter((name) => !shown.has(name))).toEqual([]);
    }, wait);
    const metrics = await get('/metrics');
    for (const name of names) expect(metrics).toContain(`socle_pulse_failing{pulse="${name}"} 1`);
    fault = () => {};
    await vi.waitFor(() => {
      for (const name of names) pulses.now(name);
      const still = pulses.list().filter((one) => one.failing !== null || one.lastSuccessAt === before.get(one.name));
      expect(still.map(({ name }) => name)).toEqual([]);
    }, wait);
    for (const name of names) table.push(`${name} × ${what}: shown, and ran again`);
  }
  process.stdout.write(`${table.join('\n')}\n`);
}, 300_000);

test('a state database that another connection holds: shown, and all of it goes on afterwards', async () => {
  const other = openDatabase(join(directory, 'state', 'socle.db'));
  other.exec('BEGIN IMMEDIATE');
  pulses.now('retention');
  await vi.waitFor(() => expect(stateOf('retention')?.failing?.reason).toContain('locked'), wait);
  await vi.waitFor(async () => expect(await get('/v1/components/daemon/readiness')).toContain('locked'), wait);
  expect(await get('/livez')).toContain('pass');
  other.exec('ROLLBACK');
  other.close();
  pulses.now('retention');
  await vi.waitFor(() => expect(stateOf('retention')?.failing).toBeNull(), wait);
}, 90_000);

test('SIGTERM, while every loop hangs and heeds nothing: the daemon ends within 15 s', async () => {
  let release = () => {};
  const hang = new Promise<void>((resolve) => {
    release = resolve;
  });
  fault = () => hang;
  await vi.waitFor(() => {
    for (const { name } of pulses.list()) pulses.now(name);
    expect(pulses.underWay().length).toBe(pulses.list().length);
  }, wait);
  const began = performance.now();
  controller.abort();
  await running;
  const took = performance.now() - began;
  release();
  process.stdout.write(`the end of a daemon whose loops all hang took ${(took / 1_000).toFixed(1)} s\n`);
  expect(took).toBeLessThan(15_000);
}, 90_000);
