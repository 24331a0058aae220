import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordOperation } from '../governance/operations.ts';
import { fail } from '../kernel/errors.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { renderMetrics } from '../observability/metrics.ts';
import { Outbox } from '../observability/notify/outbox.ts';
import { stateProbe } from '../observability/probes.ts';
import { collectStatus } from '../observability/status.ts';
import { platformSchema } from '../platform/schema.ts';
import { runSteps } from './job-process.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-steps-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('a step that follows the work and fails is told, and is not the failure of the work', async () => {
  const configFile = join(directory, 'none.yaml');
  const context = { configFile, signal: new AbortController().signal, graceMs: 1_000 };
  await writeFile(join(directory, 'marker'), '');
  const works = { name: 'backup', args: ['version'] };
  // There is no platform file: this one fails.
  const fails = { name: 'prune', args: ['backup', 'list'], followUp: true };
  const result = await runSteps([works, fails, { name: 'never', args: ['version'], followUp: true }], context);
  expect(result).toMatchObject({ state: 'ok', detail: expect.stringMatching(/a step after it failed: prune: /) });
  const { followUp: _, ...work } = fails;
  expect(await runSteps([work, works], context)).toMatchObject({ state: 'failed' });
});

test('copies and retention have a state, a rate, a component, metrics and a message of their own', async () => {
  const vault = { repository: '/vault', password: { file: '/key' } };
  const platform = platformSchema.parse({
    name: 'shop',
    environment: 'dev',
    databases: [{ name: 'orders', connection: { database: 'orders' } }],
    backup: { vault, copy: { ...vault, repository: '/copy' } },
  });
  const db = openDatabase(':memory:');
  let now = new Date('2026-11-22T12:00:00Z');
  const clock = { now: () => now, monotonic: () => 0 };
  const did = async (action: string, subject: string, code?: 'vault-denied' | 'vault-unreachable') => {
    now = new Date(now.getTime() + 60_000);
    await recordOperation(db, clock, { action, actor: 'scheduler', subject }, async () => {
      if (code) throw fail(code, `refused by ${subject}`);
    }).catch(() => {});
  };
  const status = () => collectStatus(platform, db, clock);
  const outbox = new Outbox(db);
  const told = () =>
    outbox
      .observe(status(), [{ channel: 'webhook', recipient: 'https://example.org/' }])
      .map(({ kind, to }) => `${kind} ${to}`);
  told();
  expect(status()).toMatchObject({ copies: { state: 'never succeeded' }, retention: { state: 'never succeeded' } });
  expect(told()).toEqual([]);

  await did('vault.copy', '/copy', 'vault-unreachable');
  await did('backup.prune', 'orders');
  expect(told()).toEqual(['copies failing']);
  await did('vault.copy', '/copy');
  await did('backup.prune', 'orders', 'vault-denied');
  // A success elsewhere does not hide it.
  await did('backup.prune', 'users');
  expect(told().sort()).toEqual(['copies ok', 'retention failing']);
  const { copies, retention } = status();
  expect(copies).toMatchObject({ state: 'ok', successRate: { expected: 2, succeeded: 1, rate: 0.5 } });
  expect(retention).toMatchObject({
    state: 'failing',
    detail: expect.stringContaining('orders: refused by orders'),
    successRate: { expected: 3, succeeded: 2 },
  });
  expect(await stateProbe('retention', status).check(AbortSignal.timeout(1_000))).toMatchObject({ status: 'warn' });
  expect(await stateProbe('copies', status).check(AbortSignal.timeout(1_000))).toMatchObject({ status: 'pass' });
  const { text } = await renderMetrics({
    status,
    components: () => [],
    lastProven: () => undefined,
    drillTally: () => [],
    drift: () => null,
    pulses: () => [],
  });
  expect(text).toContain('socle_backup_step_state{step="retention",state="failing"} 1');
  expect(text).toContain('socle_backup_step_failures{step="copy"} 1');
  db.close();
});
