import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLog } from '../../kernel/log.ts';
import { openDatabase } from '../../kernel/sqlite.ts';
import { type OpsConfig, platformSchema } from '../../platform/schema.ts';
import type { State, Status, Tracked } from '../schema.ts';
import { Courier, couriersOf } from './deliver.ts';
import { Outbox } from './outbox.ts';
import type { Attempt, Target } from './target.ts';
import { notificationsOf, undeliveredText } from './undelivered.ts';

const log = createLog('silent');
const never = new AbortController().signal;
const directory = mkdtempSync(join(tmpdir(), 'socle-courier-'));
const minute = 60_000;
const hour = 60 * minute;

let time = Date.parse('2026-06-01T10:00:00Z');
const clock = { now: () => new Date(time), monotonic: () => time };
let database: DatabaseSync;
let server: SMTPServer;
let port: number;
/** Recipient and state of every mail that arrived; and what the server answers to a recipient. */
let arrived: string[] = [];
let answers: Record<string, [code: number, text: string]> = {};

const tracked = (state: State): Tracked => ({
  state,
  detail: 'as it is',
  withinTarget: state === 'ok',
  lastSuccessAt: null,
  lastFailureAt: null,
  lastDurationMs: null,
  targetMs: null,
  nextAt: null,
  running: false,
  successRate: null,
});
const status = (state: State): Status => ({
  platform: 'home',
  environment: 'prod',
  timestamp: clock.now().toISOString(),
  status: 'pass',
  databases: [{ name: 'shop', backups: tracked(state), drills: tracked('ok') }],
  integrity: tracked('ok'),
  datastore: null,
  copies: null,
  retention: null,
  notifications: [],
  daemon: null,
});
const notify = (to: string[], at = port): OpsConfig['notify'] => {
  const mail = { host: '127.0.0.1', port: at, tls: 'none', from: 'Socle <socle@example.org>', to };
  return platformSchema.parse({ name: 'home', environment: 'prod', ops: { notify: { mail } } }).ops.notify;
};
const target = (recipient: string): Target => ({ channel: 'mail', recipient });

beforeAll(async () => {
  server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      const [code, text] = answers[address] ?? [];
      done(code === undefined ? null : Object.assign(new Error(text), { responseCode: code }));
    },
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on('end', () => {
        const state = /^X-Socle-State: (.*)\r$/m.exec(text)?.[1];
        for (const { address } of session.envelope.rcptTo) arrived.push(`${address} ${state}`);
        done();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.server.address() as AddressInfo).port;
});
afterAll(async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  arrived = [];
  answers = {};
  database = openDatabase(':memory:');
});

function bench(to: string[], at = port) {
  const outbox = new Outbox(database);
  const couriers = couriersOf(notify(to, at), outbox, clock, log);
  return {
    outbox,
    observe: (state: State) => outbox.observe(status(state), to.map(target)),
    round: () => Promise.allSettled(couriers.map((courier) => courier.deliver(never))),
    state: () => notificationsOf(database, notify(to, at)),
  };
}

test('a recipient that is refused for good is named with the answer, and holds up neither the others nor its next message', async () => {
  const { observe, round, state } = bench(['gone@example.org', 'Ops <ops@example.org>']);
  answers = { 'gone@example.org': [550, '5.1.1 no such mailbox'] };
  observe('failing');
  await round();
  expect(arrived).toEqual(['ops@example.org failing']);
  const [gone, ops] = state();
  expect(gone).toMatchObject({
    state: 'refused',
    waiting: 0,
    refused: 1,
    since: '2026-06-01T10:00:00.000Z',
    error: expect.stringContaining('550 5.1.1 no such mailbox'),
  });
  expect(gone && undeliveredText(gone)).toMatch(/^1 message refused for good since 2026-06-01T10:00:00.000Z: .*550/);
  expect(ops).toMatchObject({ state: 'ok', refused: 0, waiting: 0, error: null });

  answers = {};
  observe('ok');
  await round();
  expect(arrived.slice(1).sort()).toEqual(['gone@example.org ok', 'ops@example.org ok']);
  expect(state().map((one) => one.state)).toEqual(['ok', 'ok']);
});

test('a recipient that is put off is tried for days; after an hour its newer messages pass, and it comes in the end', async () => {
  const { observe, round, state } = bench(['full@example.org', 'ops@example.org']);
  answers = { 'full@example.org': [452, '4.2.2 mailbox full'] };
  observe('failing');
  await round();
  expect(arrived).toEqual(['ops@example.org failing']);
  expect(state()[0]).toMatchObject({ state: 'undelivered', waiting: 1, error: expect.stringContaining('452 4.2.2') });

  // The server takes another message to the same recipient: only this one is put off.
  const outbox = new Outbox(database);
  const sent: string[] = [];
  const picky = new Courier(
    target('full@example.org'),
    async (message): Promise<Attempt> => {
      sent.push(message.to);
      return message.to === 'failing'
        ? { end: 'put off', about: 'message', reason: '451 not this' }
        : { end: 'delivered' };
    },
    outbox,
    clock,
    log,
  );
  observe('ok');
  for (let round = 0; round < 30; round += 1) {
    time += minute;
    await picky.deliver(never);
  }
  expect(new Set(sent)).toEqual(new Set(['failing']));
  time += hour;
  await picky.deliver(never);
  expect(sent.at(-1)).toBe('ok');
  for (let round = 0; round < 48; round += 1) {
    time += hour;
    await picky.deliver(never);
  }
  expect(notificationsOf(database, notify(['full@example.org']))[0]).toMatchObject({
    waiting: 1,
    state: 'undelivered',
  });
  answers = {};
  time += hour;
  await round();
  expect(arrived).toContain('full@example.org failing');
});

test('two recipients of a server that hangs for one: each has its own state', async () => {
  const { observe, round, state } = bench(['ops@example.org'], 1);
  const other = bench(['boss@example.org']);
  new Outbox(database).observe(status('failing'), [target('ops@example.org'), target('boss@example.org')]);
  await Promise.all([round(), other.round()]);
  expect(arrived).toEqual(['boss@example.org failing']);
  expect(state()[0]).toMatchObject({ state: 'undelivered', error: expect.stringContaining('ECONNREFUSED') });
  expect(observe('failing')).toEqual([]);
});

test('one database error does not end the messages, and a mail that was sent is not sent twice for it', async () => {
  const file = join(directory, 'busy.db');
  database = openDatabase(file);
  database.exec('PRAGMA busy_timeout = 0');
  const { observe, round, state } = bench(['ops@example.org']);
  observe('failing');
  const other = openDatabase(file);
  other.exec('BEGIN IMMEDIATE');
  for (let number = 0; number < 5; number += 1) {
    const [result] = await round();
    expect(result).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('locked') } });
  }
  expect(arrived).toEqual(['ops@example.org failing']);
  other.exec('ROLLBACK');
  other.close();
  expect(await round()).toMatchObject([{ status: 'fulfilled' }]);
  observe('ok');
  await round();
  expect(arrived).toEqual(['ops@example.org failing', 'ops@example.org ok']);
  expect(state()).toMatchObject([{ state: 'ok', waiting: 0, lastDeliveredAt: clock.now().toISOString() }]);
  database.close();
});

test('a clock that jumps a month ahead and back neither gives a message up nor forgets it', async () => {
  const { observe, round, state } = bench(['ops@example.org'], 1);
  observe('failing');
  const before = time;
  time += 30 * 24 * hour;
  await round();
  expect(state()).toMatchObject([{ waiting: 1, refused: 0 }]);
  time = before + minute;
  const back = bench(['ops@example.org']);
  await back.round();
  expect(arrived).toEqual(['ops@example.org failing']);
});

test('letters of a release before this one go to each recipient; a recipient that left the platform file is given up', async () => {
  const old = openDatabase(':memory:');
  database = old;
  const outbox = new Outbox(database);
  outbox.observe(status('failing'), [target('left@example.org')]);
  database.exec(
    `INSERT INTO outbox (channel, message, created_at, next_try_at)
     SELECT channel, message, created_at, next_try_at FROM outbox`,
  );
  const { round, state } = bench(['a@example.org', 'b@example.org']);
  outbox.adopt([target('a@example.org'), target('b@example.org')], clock.now());
  await round();
  expect(arrived.sort()).toEqual(['a@example.org failing', 'b@example.org failing']);
  expect(state().map((one) => one.state)).toEqual(['ok', 'ok']);
  expect(database.prepare(`SELECT error FROM outbox WHERE recipient = 'left@example.org'`).get()).toEqual({
    error: 'the platform file no longer names this recipient',
  });
});
