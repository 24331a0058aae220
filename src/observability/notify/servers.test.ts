import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type OpsConfig, platformSchema } from '../../platform/schema.ts';
import { sendMail } from './mail.ts';
import { type Message, messageOf } from './message.ts';
import type { Target } from './target.ts';
import { sendWebhook } from './webhook.ts';

/** Servers that answer slowly, wrongly or not at all: raw TCP, since no real one misbehaves on demand. */

const directory = mkdtempSync(join(tmpdir(), 'socle-servers-'));
const servers: Server[] = [];
const sockets = new Set<Socket>();
const never = new AbortController().signal;
const ops: Target = { channel: 'mail', recipient: 'ops@example.org' };
const hook: Target = { channel: 'webhook', recipient: 'webhook' };
const limits = { setup: 400, silence: 400, total: 900 };
/** What a busy machine may add to a limit. */
const slack = 1_500;

const message: Message = messageOf({
  id: 'b7c5',
  platform: 'home',
  environment: 'prod',
  kind: 'backups',
  database: 'shop',
  from: 'ok',
  to: 'failing',
  at: '2026-06-01T10:00:00.000Z',
  detail: 'the dump ended with 1',
  nextRunAt: null,
  lastSuccessAt: null,
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

async function listen(speak: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.on('close', () => sockets.delete(socket));
    speak(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** One byte now and then, for ever: no timeout of inactivity ever sees it. */
function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(text[at % text.length] ?? ' ');
    at += 1;
  }, 50);
  socket.on('close', () => clearInterval(timer));
}

type Stage = 'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'text';

/** A polite SMTP server, but for one stage, where `misbehave` speaks. */
const smtp = (stage: Stage | null, misbehave: (socket: Socket) => void) =>
  listen((socket) => {
    let [buffer, inText] = ['', false];
    const answer = (at: Stage, text: string) => (at === stage ? misbehave(socket) : socket.write(`${text}\r\n`));
    answer('greeting', '220 ready');
    socket.on('data', (chunk: Buffer) => {
      buffer += chunk.toString();
      if (inText && !buffer.endsWith('\r\n.\r\n')) return;
      const line = buffer;
      buffer = '';
      if (inText) {
        inText = false;
        answer('text', '250 taken');
      } else if (/^EHLO/.test(line)) answer('EHLO', '250 hello');
      else if (/^MAIL/.test(line)) answer('MAIL', '250 ok');
      else if (/^RCPT/.test(line)) answer('RCPT', '250 ok');
      else if (/^DATA/.test(line)) {
        inText = stage !== 'DATA';
        answer('DATA', '354 go on');
      } else socket.write('221 bye\r\n');
    });
  });

const mailConfig = (port: number, more: object = {}) => {
  const mail = { host: '127.0.0.1', port, tls: 'none', from: 'socle@example.org', to: [ops.recipient], ...more };
  const { ops: parsed } = platformSchema.parse({ name: 'home', environment: 'prod', ops: { notify: { mail } } });
  return parsed.notify.mail as NonNullable<OpsConfig['notify']['mail']>;
};
const hookConfig = (url: string) => {
  const file = join(directory, `url-${Math.random()}`);
  writeFileSync(file, url, { mode: 0o600 });
  return { url: { file } };
};

async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const began = performance.now();
  return { result: await work, ms: performance.now() - began };
}

const stages: Stage[] = ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'text'];
const behaviours: Record<string, (socket: Socket) => void> = {
  'says nothing': () => {},
  'drips one byte after the other': (socket) => drip(socket, '250-all is well and '),
  'drips lines that never end the answer': (socket) => drip(socket, '250-x\r\n'),
  'hangs up': (socket) => socket.destroy(),
  'speaks garbage': (socket) => socket.write(Buffer.from([0, 255, 13, 10, 7, 13, 10, 200, 13, 10])),
  'is busy (421)': (socket) => socket.write('421 4.3.2 too busy\r\n'),
};

for (const [what, misbehave] of Object.entries(behaviours)) {
  test(`a mail server that ${what}, at every stage: put off within the limit, and not this message alone`, async () => {
    for (const stage of stages) {
      const port = await smtp(stage, misbehave);
      const { result, ms } = await timed(sendMail(mailConfig(port), ops, message, never, limits));
      expect([stage, result.end, 'about' in result && result.about]).toEqual([stage, 'put off', 'target']);
      expect(ms).toBeLessThan(limits.total + slack);
    }
  }, 60_000);
}

test('an answer to this message: 5yz is for good, 4yz for now, and the answer is kept', async () => {
  for (const stage of ['MAIL', 'RCPT', 'DATA', 'text'] as const) {
    const refuse = await smtp(stage, (socket) => socket.write('550 5.1.1 no such user here\r\n'));
    expect(await sendMail(mailConfig(refuse), ops, message, never, limits)).toEqual({
      end: 'refused',
      reason: expect.stringContaining('550 5.1.1 no such user here'),
    });
    const later = await smtp(stage, (socket) => socket.write('451 4.7.1 greylisted, come back\r\n'));
    expect(await sendMail(mailConfig(later), ops, message, never, limits)).toEqual({
      end: 'put off',
      about: 'message',
      reason: expect.stringContaining('451 4.7.1 greylisted, come back'),
    });
  }
});

test('what an operator can correct is no refusal of the message: login, encryption, a greeting that refuses', async () => {
  const login = await smtp('MAIL', (socket) => socket.write('530 5.7.0 authentication required\r\n'));
  const closed = await smtp('greeting', (socket) => socket.write('554 no service for you\r\n'));
  for (const port of [login, closed]) {
    expect(await sendMail(mailConfig(port), ops, message, never, limits)).toMatchObject({
      end: 'put off',
      about: 'target',
    });
  }
  const tls = await smtp(null, () => {});
  expect(await sendMail(mailConfig(tls, { tls: 'starttls' }), ops, message, never, limits)).toMatchObject({
    end: 'put off',
    about: 'target',
  });
});

test('a mail server with TLS that never shakes hands, and a name that nobody knows', async () => {
  const port = await listen((socket) => socket.resume());
  const { result, ms } = await timed(sendMail(mailConfig(port, { tls: 'tls' }), ops, message, never, limits));
  expect(result).toMatchObject({ end: 'put off', about: 'target' });
  expect(ms).toBeLessThan(limits.total + slack);
  const unknown = mailConfig(25, { host: 'mail.invalid' });
  expect(await sendMail(unknown, ops, message, never, limits)).toMatchObject({ end: 'put off', about: 'target' });
});

test('a password that never comes: put off within the limit', async () => {
  const port = await smtp(null, () => {});
  const password = { command: ['sleep', '60'] };
  const { result, ms } = await timed(
    sendMail(mailConfig(port, { user: 'socle', password }), ops, message, never, limits),
  );
  expect(result).toMatchObject({ end: 'put off', reason: expect.stringContaining('did not end within') });
  expect(ms).toBeLessThan(limits.total + slack);
});

test('webhooks that hang, drip or redirect end within the limit; a 2xx whose body never ends is delivered', async () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n';
  const ways: Array<[speak: (socket: Socket) => void, end: object]> = [
    [() => {}, { end: 'put off', about: 'target', reason: expect.stringContaining('did not') }],
    [(socket) => drip(socket, head), { end: 'put off', about: 'target' }],
    [(socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx: '), { end: 'put off', about: 'target' }],
    [(socket) => socket.destroy(), { end: 'put off', about: 'target' }],
    [(socket) => socket.end('this is no HTTP'), { end: 'put off', about: 'target' }],
    [
      (socket) => socket.end('HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n'),
      { about: 'target' },
    ],
    [(socket) => socket.end('HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n'), { end: 'put off', about: 'target' }],
    [(socket) => socket.end('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'), { end: 'put off', about: 'message' }],
    [(socket) => socket.end('HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n'), { end: 'refused' }],
    [
      (socket) => {
        socket.write(head);
        drip(socket, 'thank you ');
      },
      { end: 'delivered' },
    ],
  ];
  for (const [speak, end] of ways) {
    const port = await listen(speak);
    const config = hookConfig(`http://127.0.0.1:${port}/canary-5f2b`);
    const { result, ms } = await timed(sendWebhook(config, hook, message, never, 900));
    expect(result).toMatchObject(end);
    expect(JSON.stringify(result)).not.toContain('canary');
    expect(ms).toBeLessThan(1_000 + slack);
  }
}, 60_000);

test('a daemon that stops waits for none of them', async () => {
  const stop = new AbortController();
  const port = await smtp('text', (socket) => drip(socket, '250-x'));
  const silent = await listen(() => {});
  const sending = Promise.all([
    sendMail(mailConfig(port), ops, message, stop.signal),
    sendWebhook(hookConfig(`http://127.0.0.1:${silent}/`), hook, message, stop.signal),
  ]);
  setImmediate(() => stop.abort());
  const { result, ms } = await timed(sending);
  expect(result).toMatchObject([{ end: 'put off' }, { end: 'put off' }]);
  expect(ms).toBeLessThan(slack);
});
