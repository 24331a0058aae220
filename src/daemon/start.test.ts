import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeDaemonBench } from '../../test/support/daemon.ts';
import { systemClock } from '../kernel/clock.ts';
import { exit } from '../kernel/errors.ts';
import { createLog } from '../kernel/log.ts';
import { run, start } from '../kernel/process.ts';
import { platformSchema } from '../platform/schema.ts';
import { serve } from './serve.ts';

let directory: string;
let controller: AbortController;
let running: Array<Promise<unknown>> = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socle-start-'));
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await Promise.allSettled(running);
  running = [];
  rmSync(directory, { recursive: true, force: true });
});

/** The daemon in this process: resolves to its address once it answers, rejects with what `serve` throws. */
function begin(ops: { state?: string; listen?: { host?: string; port: number } } = {}, name = 'home'): Promise<string> {
  const { listen, state = join(directory, 'state') } = ops;
  const valid = platformSchema.parse({ name, environment: 'dev', ops: { state } });
  const platform = { ...valid, ops: { ...valid.ops, listen: { host: '127.0.0.1', port: 0, ...listen } } };
  return new Promise((resolve, reject) => {
    const options = { configFile: '/nowhere', signal: controller.signal, onListening: resolve };
    running.push(serve(platform, options, { clock: systemClock, log: createLog('silent') }).catch(reject));
  });
}

test('it listens on loopback and nowhere else, whatever it is handed', async () => {
  for (const host of ['0.0.0.0', '10.8.0.1', '::', 'example.org']) {
    await expect(begin({ listen: { host, port: 0 } })).rejects.toMatchObject({ code: 'listen-refused' });
  }
  expect(await begin({ listen: { host: '::1', port: 0 } })).toMatch(/^http:\/\/\[::1\]:\d+$/);
});

test('a port that is taken is said, and what to do about it', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const refused = await begin({ listen: { port } }).catch((error: unknown) => error);
  other.close();
  expect(refused).toMatchObject({
    code: 'listen-failed',
    message: expect.stringContaining('another program uses that port'),
  });
  await begin();
});

test('two daemons on one state: the second is refused and names the first', async () => {
  await begin();
  await expect(begin()).rejects.toMatchObject({
    code: 'busy',
    message: expect.stringContaining(`process ${process.pid}`),
  });
});

test('a daemon on the state of another platform is refused, and is told whose it is', async () => {
  await begin();
  await expect(begin({}, 'away')).rejects.toMatchObject({
    code: 'state-of-another',
    message: expect.stringContaining('belongs to the platform home'),
  });
});

test('a state directory that cannot be used is named, with the reason', async () => {
  writeFileSync(join(directory, 'file'), '');
  await expect(begin({ state: join(directory, 'file', 'state') })).rejects.toMatchObject({
    code: 'state-unusable',
    message: expect.stringContaining('ENOTDIR'),
  });
  mkdirSync(join(directory, 'broken'));
  writeFileSync(
    join(directory, 'broken', 'socle.db'),
    'this is no database, and long enough to be read as one'.repeat(40),
  );
  await expect(begin({ state: join(directory, 'broken') })).rejects.toMatchObject({
    code: 'state-unusable',
    message: expect.stringMatching(/not a database/),
  });
});

test('the exit code of the command line says which it was, and its text what to do', async () => {
  const first = makeDaemonBench(() => ({}));
  try {
    const daemon = await first.serve();
    const second = makeDaemonBench(() => ({ ops: { listen: { port: Number(new URL(daemon.url).port) } } }));
    const refused = await second.serve().catch((error: Error) => error.message);
    second.dispose();
    expect(refused).toContain(`ended with ${exit.unavailable}`);
    expect(refused).toMatch(/next: .*ops\.listen\.port/);
    daemon.kill('SIGTERM');
    await daemon.ended;
  } finally {
    first.dispose();
  }
});

test.skipIf(userInfo().uid !== 0)(
  'a state directory that fills up: refused at the start, reported while it runs, and it goes on',
  async () => {
    const state = join(directory, 'small');
    mkdirSync(state);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', state]);
    const fill = () => {
      const { bavail, bsize } = statfsSync(state);
      writeFileSync(join(state, 'ballast'), Buffer.alloc(bavail * bsize));
    };
    try {
      fill();
      await expect(begin({ state })).rejects.toMatchObject({
        code: 'state-unusable',
        message: expect.stringContaining('ENOSPC'),
      });
      rmSync(join(state, 'ballast'));
      const url = await begin({ state });
      const disk = async () =>
        (await (await fetch(`${url}/v1/components/disk/readiness`)).json()) as { detail: string };
      await vi.waitFor(async () => expect((await disk()).detail).toContain('free for'), { timeout: 10_000 });
      fill();
      await vi.waitFor(async () => expect((await disk()).detail).toContain('ENOSPC'), {
        timeout: 40_000,
        interval: 500,
      });
      expect((await fetch(`${url}/v1/health`)).status).toBe(503);
      expect((await fetch(`${url}/v1/backups`)).status).toBe(200);
      rmSync(join(state, 'ballast'));
      await vi.waitFor(async () => expect((await disk()).detail).toContain('free for'), {
        timeout: 40_000,
        interval: 500,
      });
    } finally {
      controller.abort();
      await Promise.allSettled(running);
      await run('umount', [state]);
    }
  },
);

/** What systemd is told, as it gets it. Node has no datagram sockets; Debian's own Perl has. */
function listenAt(socket: string) {
  const listener = start('perl', [
    '-MSocket',
    '-e',
    'socket(S, PF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0])); $| = 1; while (defined recv(S, $b, 4096, 0)) { print "$b\\n" }',
    socket,
  ]);
  let told = '';
  listener.stdout?.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const stop = async () => {
    listener.kill();
    await listener.ended;
  };
  return { told: () => told, stop };
}

test('systemd is told: ready, alive, stopping', async () => {
  const socket = join(directory, 'notify');
  const listener = listenAt(socket);
  const bench = makeDaemonBench(() => ({}));
  try {
    const daemon = await bench.serve({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' });
    await vi.waitFor(() => expect(listener.told()).toMatch(/READY=1[\s\S]*WATCHDOG=1[\s\S]*WATCHDOG=1/), {
      timeout: 20_000,
    });
    daemon.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exitCode: 0 });
    await vi.waitFor(() => expect(listener.told()).toContain('STOPPING=1'), { timeout: 5_000 });
  } finally {
    await listener.stop();
    bench.dispose();
  }
});

test('on a host where starting a program takes long, systemd is told none the less', async () => {
  const socket = join(directory, 'notify-late');
  const late = join(directory, 'late');
  mkdirSync(late);
  writeFileSync(join(late, 'systemd-notify'), '#!/bin/sh\nsleep 7\nexec /usr/bin/systemd-notify "$@"\n', {
    mode: 0o755,
  });
  const listener = listenAt(socket);
  const bench = makeDaemonBench(() => ({}));
  let daemon: Awaited<ReturnType<typeof bench.serve>> | undefined;
  try {
    daemon = await bench.serve({ SOCLE_PATH: late, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000' });
    await vi.waitFor(
      () => {
        expect(listener.told()).toContain('READY=1');
        expect(listener.told()).toContain('WATCHDOG=1');
      },
      { timeout: 60_000 },
    );
  } finally {
    daemon?.kill('SIGTERM');
    await daemon?.ended;
    bench.dispose();
    await listener.stop();
  }
});
