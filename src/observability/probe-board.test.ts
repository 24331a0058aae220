import { createServer, type Server } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { createLog } from '../kernel/log.ts';
import { platformSchema } from '../platform/schema.ts';
import { type Probe, ProbeBoard, type Rounds } from './probe-board.ts';
import { diskProbe, postgresqlProbe } from './probes.ts';

const log = createLog('silent');
const boards: ProbeBoard[] = [];
const servers: Server[] = [];

function board(probes: Probe[], clock = systemClock): ProbeBoard {
  const made = new ProbeBoard(probes, clock, log);
  boards.push(made);
  return made;
}

/** Rounds as the daemon's loops make them. */
const timers: NodeJS.Timeout[] = [];
const rounds: Rounds = {
  add({ everyMs, work }) {
    const round = () => void work().then(() => timers.push(setTimeout(round, everyMs)));
    round();
  },
};

afterEach(() => {
  for (const timer of timers.splice(0)) clearTimeout(timer);
  for (const one of boards.splice(0)) one.stop();
  for (const server of servers.splice(0)) server.close();
});

test('before the first result a component is not ready, afterwards it has an age', async () => {
  const one = board([
    { name: 'x', everyMs: 1_000, timeoutMs: 1_000, check: () => ({ status: 'pass', detail: 'fine' }) },
  ]);
  expect(one.get('x')).toMatchObject({ status: 'fail', detail: 'not checked yet', ageMs: null });
  one.start(rounds);
  await vi.waitFor(() => expect(one.get('x')).toMatchObject({ status: 'pass', detail: 'fine' }));
  expect(one.get('x')?.ageMs).toBeGreaterThanOrEqual(0);
  expect(one.get('y')).toBeUndefined();
});

test('a result that is too old counts as a failure, and says what it was', async () => {
  let monotonic = 0;
  const clock = { now: () => new Date(), monotonic: () => monotonic };
  const one = board(
    [{ name: 'x', everyMs: 9e6, timeoutMs: 1e6, check: () => ({ status: 'pass', detail: 'fine' }) }],
    clock,
  );
  await one.refresh('x');
  monotonic = 19e6;
  expect(one.get('x')?.status).toBe('pass');
  monotonic = 19e6 + 1;
  expect(one.get('x')).toMatchObject({ status: 'fail', detail: 'the last result is 5 h 17 m old: fine' });
});

test('a check that ignores its timeout is reported and left behind, and no third one is started beside it', async () => {
  let started = 0;
  const probe: Probe = {
    name: 'x',
    everyMs: 30,
    timeoutMs: 20,
    check: () => {
      started += 1;
      return new Promise(() => {});
    },
  };
  const one = board([probe]);
  one.start(rounds);
  await vi.waitFor(() => expect(one.get('x')?.detail).toBe('no answer within 20 ms'));
  await vi.waitFor(() => expect(one.get('x')?.detail).toBe('the checks before this one have still not ended'));
  expect(started).toBe(2);
});

test('a database that accepts connections and never answers fails within the timeout', async () => {
  const server = createServer(() => {});
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const platform = platformSchema.parse({
    name: 'test',
    environment: 'dev',
    databases: [{ name: 'shop', connection: { host: '127.0.0.1', port, database: 'shop' } }],
  });
  const [database] = platform.databases;
  if (!database) throw new Error('no database');
  const one = board([{ ...postgresqlProbe(database), timeoutMs: 300 }]);
  await one.refresh('postgresql-shop');
  expect(one.get('postgresql-shop')).toMatchObject({ status: 'fail', detail: 'no answer within 300 ms' });
});

test('the state directory: its free space, and that it can be written to', async () => {
  const one = board([diskProbe('/tmp')]);
  await one.refresh('disk');
  expect(one.get('disk')).toMatchObject({
    status: expect.stringMatching(/pass|warn/),
    detail: expect.stringMatching(/free for \/tmp/),
  });
  const missing = board([diskProbe('/proc/nowhere')]);
  await missing.refresh('disk');
  expect(missing.get('disk')?.status).toBe('fail');
});
