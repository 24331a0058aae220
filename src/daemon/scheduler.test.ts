import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLog } from '../kernel/log.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { type JobKind, type ScheduledRun, ScheduleStore } from '../observability/schedule-store.ts';
import { successRate } from '../observability/states.ts';
import type { JobResult } from './job-process.ts';
import type { ScheduleSpec } from './schedule.ts';
import { Scheduler } from './scheduler.ts';

const log = createLog('silent');
const kinds: JobKind[] = ['backup', 'deep-backup'];
const ok: JobResult = { state: 'ok', detail: null };
const spec = (kind: ScheduleSpec['kind'], cron: string, database = 'shop'): ScheduleSpec => ({
  job: `${kind}:${database}`,
  kind,
  database,
  cron,
  timeZone: 'Europe/Paris',
  jitterMs: 0,
});
const daily = spec('backup', '30 2 * * *');

let directory: string;
let time: number;
const clock = { now: () => new Date(time), monotonic: () => time };
const at = (text: string) => {
  time = Date.parse(text);
};

/** A scheduler over the state file, and what it ran; several in turn are restarts. */
function daemon(specs: readonly ScheduleSpec[], work: (run: ScheduledRun, signal: AbortSignal) => Promise<JobResult>) {
  const db = openDatabase(join(directory, 'state.db'));
  const store = new ScheduleStore(db);
  const ran: string[] = [];
  const scheduler = new Scheduler(specs, {
    store,
    clock,
    log,
    work: (run, signal) => {
      ran.push(`${run.job} ${run.due.toISOString().slice(0, 16)}`);
      return work(run, signal);
    },
  });
  const idle = () => vi.waitFor(() => expect(store.active()).toEqual([]), { interval: 1 });
  return {
    scheduler,
    store,
    ran,
    idle,
    history: () =>
      store.runs(kinds, 'shop', new Date(0)).map((run) => `${run.due.toISOString().slice(5, 10)} ${run.state}`),
    async end() {
      await scheduler.stop();
      db.close();
    },
    /** As `kill -9` leaves it. */
    crash: () => db.close(),
  };
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socle-scheduler-'));
  at('2026-06-01T10:00:00Z');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a schedule that is seen for the first time has nothing to catch up on', async () => {
  const one = daemon([daily], async () => ok);
  one.scheduler.tick();
  expect(one.ran).toEqual([]);
  expect(one.store.nextAt('backup:shop')?.toISOString()).toBe('2026-06-02T00:30:00.000Z');
  await one.end();
});

test('three nights down: one catch-up at the start, and the other two count as failures', async () => {
  const before = daemon([daily], async () => ok);
  before.scheduler.tick();
  at('2026-06-02T00:30:00Z');
  before.scheduler.tick();
  await before.idle();
  await before.end();

  at('2026-06-05T09:00:00Z');
  const after = daemon([daily], async () => ok);
  after.scheduler.tick();
  await after.idle();
  expect(after.ran).toEqual(['backup:shop 2026-06-05T00:30']);
  expect(after.history()).toEqual(['06-05 ok', '06-04 missed', '06-03 missed', '06-02 ok']);
  expect(successRate(after.store.runs(kinds, 'shop', new Date(0)))).toEqual({
    expected: 4,
    succeeded: 2,
    missed: 2,
    rate: 0.5,
  });
  after.scheduler.tick();
  expect(after.ran).toHaveLength(1);
  await after.end();
});

test('a run that is under way when the daemon dies was interrupted, and is made again, but not for ever', async () => {
  const hang = () => new Promise<JobResult>(() => {});
  const first = daemon([daily], hang);
  first.scheduler.tick();
  at('2026-06-02T00:30:00Z');
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    const next = attempt === 1 ? first : daemon([daily], hang);
    if (attempt === 1) next.scheduler.tick();
    else next.scheduler.tick();
    expect(next.ran).toHaveLength(attempt <= 3 ? 1 : 0);
    expect(next.history()).toEqual([`06-02 ${attempt <= 3 ? 'running' : 'interrupted'}`]);
    next.crash();
  }
});

test('one job at a time; of those due together the backups come before the drill, even when that was due earlier', async () => {
  let running = 0;
  let most = 0;
  const specs = [
    spec('backup', '0 3 * * *'),
    spec('backup', '0 3 * * *', 'wiki'),
    spec('deep-backup', '0 3 * * *'),
    spec('drill', '30 2 * * *'),
  ];
  const one = daemon(specs, async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return ok;
  });
  one.scheduler.tick();
  at('2026-06-02T01:00:00Z');
  one.scheduler.tick();
  await one.idle();
  expect(one.ran.map((text) => text.split(' ')[0])).toEqual([
    'backup:shop',
    'backup:wiki',
    'deep-backup:shop',
    'drill:shop',
  ]);
  expect(most).toBe(1);
  await one.end();
});

test('work that runs elsewhere is tried again a minute later, and is no attempt', async () => {
  const answers: JobResult[] = [{ state: 'deferred', detail: 'backup: busy' }, ok];
  const one = daemon([daily], async () => answers.shift() ?? ok);
  one.scheduler.tick();
  at('2026-06-02T00:30:00Z');
  one.scheduler.tick();
  await vi.waitFor(() => expect(one.history()).toEqual(['06-02 queued']));
  one.scheduler.tick();
  expect(one.ran).toHaveLength(1);
  time += 60_000;
  one.scheduler.tick();
  await one.idle();
  expect(one.history()).toEqual(['06-02 ok']);
  expect(one.store.runs(kinds, 'shop', new Date(0))[0]?.attempts).toBe(1);
  await one.end();
});

test('a job that is still queued when its next run is due makes way for it', async () => {
  let finish = (_: JobResult) => {};
  const one = daemon([spec('drill', '0 2 * * *'), daily], (run) =>
    run.kind === 'drill' && run.due.getUTCDate() === 2
      ? new Promise((resolve) => {
          finish = resolve;
        })
      : Promise.resolve(ok),
  );
  one.scheduler.tick();
  for (const night of ['2026-06-02T00:30:00Z', '2026-06-03T00:30:00Z']) {
    at(night);
    one.scheduler.tick();
  }
  expect(one.history()).toEqual(['06-03 queued', '06-02 missed']);
  finish(ok);
  await vi.waitFor(() => expect(one.history()[0]).toBe('06-03 ok'));
  await one.end();
});

test('the clock jumps: back runs nothing again, ahead catches up once', async () => {
  const one = daemon([daily], async () => ok);
  one.scheduler.tick();
  at('2026-06-02T00:31:00Z');
  one.scheduler.tick();
  await one.idle();
  at('2026-06-02T00:05:00Z');
  one.scheduler.tick();
  at('2026-06-02T00:31:00Z');
  one.scheduler.tick();
  expect(one.ran).toEqual(['backup:shop 2026-06-02T00:30']);
  at('2026-06-09T12:00:00Z');
  one.scheduler.tick();
  await one.idle();
  expect(one.ran.slice(1)).toEqual(['backup:shop 2026-06-09T00:30']);
  await one.end();
});

test('a clock that was a week ahead leaves no hole: the days that it skipped are run when they come', async () => {
  const one = daemon([daily], async () => ok);
  one.scheduler.tick();
  at('2026-06-09T12:00:00Z');
  one.scheduler.tick();
  await one.idle();
  expect(one.history()[0]).toBe('06-09 ok');
  at('2026-06-01T12:00:00Z');
  one.scheduler.tick();
  expect(one.history()).toEqual([]);
  for (const day of ['02', '03']) {
    at(`2026-06-${day}T00:31:00Z`);
    one.scheduler.tick();
    await one.idle();
  }
  expect(one.history()).toEqual(['06-03 ok', '06-02 ok']);
  await one.end();
});

test('a schedule that changed, or was off for a while, invents no missed runs', async () => {
  const first = daemon([daily], async () => ok);
  first.scheduler.tick();
  await first.end();
  at('2026-06-10T10:00:00Z');
  const off = daemon([], async () => ok);
  off.scheduler.tick();
  await off.end();
  const again = daemon([spec('backup', '0 4 * * *')], async () => ok);
  again.scheduler.tick();
  expect([again.ran, again.history()]).toEqual([[], []]);
  await again.end();
});

test('stopping ends the running job and waits for it; the run is made again at the next start', async () => {
  const polite = (_: ScheduledRun, signal: AbortSignal) =>
    new Promise<JobResult>((resolve) => {
      signal.addEventListener('abort', () => resolve({ state: 'interrupted', detail: 'stopped' }));
    });
  const one = daemon([daily], polite);
  one.scheduler.tick();
  at('2026-06-02T00:30:00Z');
  one.scheduler.tick();
  await one.scheduler.stop();
  expect(one.history()).toEqual(['06-02 interrupted']);
  one.crash();
  const next = daemon([daily], async () => ok);
  next.scheduler.tick();
  await next.idle();
  expect(next.history()).toEqual(['06-02 ok']);
  await next.end();
});

test('a job that takes longer than until it is due again lets the others start', async () => {
  const everyMinute = [spec('backup', '* * * * *'), spec('drill', '* * * * *')];
  const one = daemon(everyMinute, async () => {
    time += 90_000;
    // Whoever waits for the runs gets a turn.
    await new Promise((resolve) => setImmediate(resolve));
    return ok;
  });
  one.scheduler.tick();
  at('2026-06-01T10:01:00Z');
  one.scheduler.tick();
  await vi.waitFor(() => expect(one.ran.length).toBeGreaterThanOrEqual(6), { interval: 1 });
  expect(one.ran.slice(0, 6).map((run) => run.split(':')[0])).toEqual(Array(3).fill(['backup', 'drill']).flat());
  await one.end();
});
