import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import tls from 'node:tls';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLog } from '../../kernel/log.ts';
import { run } from '../../kernel/process.ts';
import { openDatabase } from '../../kernel/sqlite.ts';
import { type OpsConfig, platformSchema } from '../../platform/schema.ts';
import { DeadMan } from '../dead-man.ts';
import type { State, Status, Tracked } from '../schema.ts';
import { couriersOf } from './deliver.ts';
import { Outbox } from './outbox.ts';
import type { Target } from './target.ts';
import { notificationsOf } from './undelivered.ts';

const directory = mkdtempSync(join(tmpdir(), 'socle-notify-'));
const log = createLog('silent');
const signal = new AbortController().signal;
const canary = 'canary-5f2b';
const secret = (name: string, value: string) => {
  const file = join(directory, name);
  writeFileSync(file, `${value}\n`, { mode: 0o600 });
  return { file };
};

let time = Date.parse('2026-06-01T10:00:00Z');
const clock = { now: () => new Date(time), monotonic: () => time };

let mails: ParsedMail[] = [];
let hooks: Array<{ url: string | undefined; key: unknown; body: Record<string, unknown> }> = [];
let hookStatus = 200;
let webhook: Server;
let database: DatabaseSync;
const smtpServers: SMTPServer[] = [];

async function smtp(options: SMTPServerOptions = {}): Promise<number> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, _session, done) => {
      void simpleParser(stream).then((mail) => {
        mails.push(mail);
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  smtpServers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.server.address() as AddressInfo).port;
}

const tracked = (state: State, detail = 'as it is'): Tracked => ({
  state,
  detail,
  withinTarget: state === 'ok',
  lastSuccessAt: null,
  lastFailureAt: null,
  lastDurationMs: null,
  targetMs: null,
  nextAt: '2026-06-02T00:15:00.000Z',
  running: false,
  successRate: null,
});
const status = (backups: State, drills: State = 'ok', detail?: string): Status => ({
  platform: 'home',
  environment: 'prod',
  timestamp: clock.now().toISOString(),
  status: 'pass',
  databases: [{ name: 'shop', backups: tracked(backups, detail), drills: tracked(drills) }],
  integrity: tracked('ok'),
  datastore: null,
  notifications: [],
  copies: null,
  retention: null,
  daemon: null,
});
const notify = (config: object): OpsConfig['notify'] =>
  platformSchema.parse({ name: 'home', environment: 'prod', ops: { notify: config } }).ops.notify;
/** A platform's notifications over one state database. */
function notifier(outbox: Outbox, config: OpsConfig['notify']) {
  const couriers = couriersOf(config, outbox, clock, log);
  const targets = couriers.map((courier) => courier.target);
  return { targets, deliver: () => Promise.all(couriers.map((courier) => courier.deliver(signal))) };
}
const ops: Target = { channel: 'mail', recipient: 'ops@example.org' };
const hook: Target = { channel: 'webhook', recipient: 'webhook' };
const mailTo = (port: number, more: object = {}) => ({
  mail: { host: 'localhost', port, tls: 'none', from: 'socle@example.org', to: ['ops@example.org'], ...more },
});
const hookConfig = () => ({
  webhook: { url: secret('hook', `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/hooks/${canary}`) },
});

beforeAll(async () => {
  webhook = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    if (hookStatus === 200) {
      hooks.push({
        url: request.url,
        key: request.headers['idempotency-key'],
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      });
    }
    response.writeHead(hookStatus).end();
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  webhook.close();
  await Promise.all(smtpServers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  mails = [];
  hooks = [];
  hookStatus = 200;
  database = openDatabase(':memory:');
});

test('one mail and one webhook per change of state, whatever happens in between', async () => {
  const outbox = new Outbox(database);
  const config = notify({ ...mailTo(await smtp()), ...hookConfig() });
  const told = notifier(outbox, config);
  for (const state of ['ok', 'ok', 'failing', 'failing', 'overdue', 'overdue', 'ok'] as const) {
    time += 60_000;
    outbox.observe(status(state, 'ok', 'the dump ended with 1'), told.targets);
    await told.deliver();
  }
  const wanted = ['fail', 'are overdue', 'are in order'].map((what) => `home (prod): backups of shop ${what}`);
  expect(mails.map((mail) => mail.subject)).toEqual(wanted.map((title) => `[socle] ${title}`));
  expect(hooks.map((hook) => hook.body.title)).toEqual(wanted);
  expect(mails[0]?.text).toMatch(/What happened: .*the dump ended with 1/);
  expect(mails[0]?.text).toMatch(/What it means: /);
  expect(mails[0]?.text).toMatch(/What to do next: .*socle backup run --database shop/);
  expect(mails[0]?.to).toMatchObject({ text: 'ops@example.org' });
  expect(hooks[0]).toMatchObject({ key: hooks[0]?.body.id, body: { from: 'ok', to: 'failing', database: 'shop' } });
  expect(JSON.stringify(mails) + JSON.stringify(hooks.map((hook) => hook.body))).not.toContain(canary);
});

test('a platform that never had a backup says so at its first start, one in order says nothing', () => {
  const outbox = new Outbox(database);
  expect(outbox.observe(status('never succeeded', 'off'), [ops])).toHaveLength(1);
  expect(outbox.observe(status('never succeeded', 'off'), [ops])).toHaveLength(0);
});

test('a restart neither loses nor repeats a message', async () => {
  const file = join(directory, 'restart.db');
  const first = openDatabase(file);
  const outbox = new Outbox(first);
  outbox.observe(status('ok'), [hook]);
  outbox.observe(status('failing'), [hook]);
  hookStatus = 503;
  await notifier(outbox, notify(hookConfig())).deliver();
  expect(notificationsOf(first, notify(hookConfig()))).toMatchObject([
    { waiting: 1, state: 'undelivered', error: '127.0.0.1 answered 503' },
  ]);
  first.close();

  hookStatus = 200;
  const second = openDatabase(file);
  const later = new Outbox(second);
  const told = notifier(later, notify(hookConfig()));
  expect(later.observe(status('failing'), [hook])).toEqual([]);
  await told.deliver();
  expect(hooks).toHaveLength(0);
  time += 61_000;
  await told.deliver();
  await told.deliver();
  expect(hooks).toHaveLength(1);
  expect(notificationsOf(second, notify(hookConfig()))).toMatchObject([
    { waiting: 0, state: 'ok', since: null, error: null },
  ]);
  second.close();
});

test('a mail server that is away is tried again, later each time, and the mails arrive in order', async () => {
  const outbox = new Outbox(database);
  const gone = notifier(outbox, notify(mailTo(1)));
  outbox.observe(status('failing'), [ops]);
  outbox.observe(status('ok'), [ops]);
  await gone.deliver();
  const waits: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const before = time;
    while (outbox.due(ops, new Date(time)) === undefined) time += 1_000;
    waits.push(Math.round((time - before) / 60_000));
    await gone.deliver();
  }
  expect(waits).toEqual([1, 2, 4]);
  time += 3_600_000;
  await notifier(outbox, notify(mailTo(await smtp()))).deliver();
  expect(mails.map((mail) => mail.headers.get('x-socle-state'))).toEqual(['failing', 'ok']);
});

test('a server that is away for ten days: each message is given up after its week, and named', async () => {
  const outbox = new Outbox(database);
  const config = notify(mailTo(1));
  outbox.observe(status('failing'), [ops]);
  const until = time + 10 * 86_400_000;
  for (let day = 0; time < until; day += 1) {
    if (day === 5 * 24) outbox.observe(status('ok'), [ops]);
    await notifier(outbox, config).deliver();
    time += 3_600_000;
  }
  expect(notificationsOf(database, config)).toMatchObject([
    { state: 'undelivered', waiting: 1, refused: 1, error: expect.stringContaining('ECONNREFUSED') },
  ]);
  await notifier(outbox, notify(mailTo(await smtp()))).deliver();
  expect(mails.map((mail) => mail.headers.get('x-socle-state'))).toEqual(['ok']);
  expect(notificationsOf(database, config)).toMatchObject([{ state: 'ok', waiting: 0, refused: 0 }]);
});

test('mail over TLS and STARTTLS: with a login, and never to a server that cannot prove who it is', async () => {
  await run(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
      .concat(['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'])
      .concat(['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')]),
  );
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(directory, name), 'utf8'));
  const logins: unknown[] = [];
  const server: SMTPServerOptions = {
    key,
    cert,
    authOptional: false,
    disabledCommands: [],
    onAuth: (auth, _session, done) => {
      logins.push([auth.username, auth.password]);
      done(null, { user: auth.username });
    },
  };
  const login = { user: 'socle', password: secret('smtp', canary) };
  const ports = { tls: await smtp({ ...server, secure: true }), starttls: await smtp(server) };
  const plain = await smtp();
  const send = async (port: number, kind: string) => {
    const db = openDatabase(':memory:');
    const [outbox, config] = [new Outbox(db), notify(mailTo(port, { tls: kind, ...login }))];
    outbox.observe(status('failing'), [ops]);
    await notifier(outbox, config).deliver();
    return notificationsOf(db, config)[0];
  };
  for (const kind of ['tls', 'starttls'] as const) {
    expect(await send(ports[kind], kind)).toMatchObject({ waiting: 1, error: expect.stringMatching(/certificate/) });
  }
  expect(await send(plain, 'starttls')).toMatchObject({ waiting: 1, error: expect.stringMatching(/STARTTLS/) });
  expect(logins).toEqual([]);

  const trusted = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...trusted, String(cert)]);
  try {
    for (const kind of ['tls', 'starttls'] as const)
      expect(await send(ports[kind], kind)).toMatchObject({ waiting: 0 });
  } finally {
    tls.setDefaultCACertificates(trusted);
  }
  expect(logins).toEqual([
    ['socle', canary],
    ['socle', canary],
  ]);
  expect(mails).toHaveLength(2);
});

test('the external heartbeat is pinged only while everything is within target, and not more often than asked', async () => {
  let healthy = true;
  const config = platformSchema.parse({
    name: 'home',
    environment: 'prod',
    ops: { heartbeat: { url: hookConfig().webhook.url, every: '5m' } },
  }).ops.heartbeat;
  if (!config) throw new Error('no heartbeat');
  const deadMan = new DeadMan(config, () => healthy, clock, log);
  const pings: number[] = [];
  for (let minute = 0; minute < 20; minute += 1) {
    healthy = minute < 8 || minute > 13;
    await deadMan.beat(signal);
    if (hooks.splice(0).length > 0) pings.push(minute);
    time += 60_000;
  }
  expect(pings).toEqual([0, 5, 14, 19]);
});
