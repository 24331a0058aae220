import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drillByUnit } from './drill-unit.ts';

let directory: string;
let socket: string;
let server: Server | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-drill-unit-'));
  socket = join(directory, 'socket');
});
afterEach(async () => {
  server?.close();
  await rm(directory, { recursive: true });
});

const never = new AbortController().signal;
async function listen(answer: (connection: Socket) => void): Promise<void> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
}

test('it asks for one database, and is told what was printed and how it ended', async () => {
  await listen((connection) => {
    connection.once('data', (asked) => {
      connection.write(`{"asked":${JSON.stringify(String(asked))}}\n`);
      connection.write('\nexit 3\n');
    });
  });
  expect(await drillByUnit(socket, 'shop', never)).toEqual({
    exitCode: 3,
    stdout: '{"asked":"shop\\n"}\n',
    stderr: '',
  });
});

test('a unit that ends without a word, or is not there, is a failure', async () => {
  await expect(drillByUnit(socket, 'shop', never)).rejects.toMatchObject({ code: 'command-failed' });
  await listen((connection) => connection.end('{"half'));
  await expect(drillByUnit(socket, 'shop', never)).rejects.toMatchObject({ code: 'command-failed' });
});

test('hanging up is how it is stopped', async () => {
  const stop = new AbortController();
  const hungUp = new Promise<void>((resolve) => {
    void listen((connection) => {
      connection.once('close', () => resolve());
      connection.resume();
      stop.abort();
    }).then(() => drillByUnit(socket, 'shop', stop.signal).catch(() => {}));
  });
  await hungUp;
});
