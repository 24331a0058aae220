import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DriftReport } from '../host/drift-report.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLog } from '../kernel/log.ts';
import { platformSchema } from '../platform/schema.ts';
import { serve } from './serve.ts';

let directory: string;
let controller: AbortController;
let running: Promise<unknown>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socle-drift-'));
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await running;
  rmSync(directory, { recursive: true, force: true });
});

/** The daemon of a platform, in this process; `report` is what lies where the host keeps its newest comparison. */
async function begin(sections: object, report?: DriftReport) {
  const ops = { state: join(directory, 'state'), listen: { port: 0 } };
  const platform = platformSchema.parse({ name: 'home', environment: 'dev', ops, ...sections });
  const driftReport = join(directory, 'report.json');
  if (report) writeFileSync(driftReport, JSON.stringify(report));
  const url = await new Promise<string>((resolve, reject) => {
    const options = { configFile: '/nowhere', signal: controller.signal, driftReport, onListening: resolve };
    running = serve(platform, options, { clock: systemClock, log: createLog('silent') }).catch(reject);
  });
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, text: await response.text() };
  };
  const component = async () => {
    for (;;) {
      const { status, text } = await get('/v1/components/drift/readiness');
      const found = JSON.parse(text);
      if (found.checkedAt !== null) return { status, ...found };
    }
  };
  return { get, component };
}

const host = { host: { address: '198.51.100.20' } };
const at = (ms: number) => new Date(Date.now() - ms).toISOString();
const deviation = {
  role: 'baseline',
  what: 'kernel setting',
  where: 'net.ipv4.ip_forward',
  expected: '1',
  found: '0',
};
const report = (ageMs: number, deviations = [deviation]): DriftReport => ({
  id: 'r-1',
  status: 'done',
  startedAt: at(ageMs + 1_000),
  endedAt: at(ageMs),
  seconds: 1,
  only: ['network'],
  revision: null,
  fingerprint: null,
  failed: [],
  deviations,
});

test('a host that differs is a warning, told by the API with expected and found, and a figure', async () => {
  const made = report(60_000);
  const { get, component } = await begin(host, made);
  expect(await component()).toMatchObject({ status: 'warn', ready: true, measured: { deviations: 1 } });
  const { status, text } = await get('/v1/drift');
  expect(status).toBe(200);
  expect(JSON.parse(text)).toMatchObject({ state: 'drift', report: made });
  const metrics = (await get('/metrics')).text;
  expect(metrics).toContain('socle_drift_deviations 1\n');
  expect(metrics).toContain(`socle_drift_last_check_timestamp_seconds ${Date.parse(made.endedAt) / 1_000}\n`);
  expect(metrics).toContain('socle_drift_state{state="drift"} 1\n');
});

test('a report that is too old is a failure, whatever it says', async () => {
  const { get, component } = await begin({ ...host, drift: { every: '1h' } }, report(4 * 3_600_000, []));
  expect(await component()).toMatchObject({ status: 'fail', detail: expect.stringContaining('more than the') });
  expect(JSON.parse((await get('/v1/drift')).text)).toMatchObject({ state: 'overdue' });
  expect((await get('/v1/health')).status).toBe(503);
});

test('a host that was never compared is a failure, and has no figures', async () => {
  const { get, component } = await begin(host);
  expect(await component()).toMatchObject({ status: 'fail', detail: expect.stringContaining('never compared') });
  expect(JSON.parse((await get('/v1/drift')).text)).toMatchObject({ state: 'never compared', report: null });
  expect((await get('/metrics')).text).not.toContain('socle_drift_deviations');
});

test('a platform without a host has no such component', async () => {
  const { get } = await begin({});
  const { status, text } = await get('/v1/drift');
  expect({ status, problem: JSON.parse(text) }).toMatchObject({ status: 404, problem: { code: 'not-found' } });
  expect((await get('/v1/components/drift/readiness')).status).toBe(404);
});
