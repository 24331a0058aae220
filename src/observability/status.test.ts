import type { DatabaseSync } from 'node:sqlite';
import { beforeEach, expect, test } from 'vitest';
import { BackupCatalog } from '../backup/catalog.ts';
import { IntegrityStore } from '../backup/integrity-store.ts';
import { newBackup } from '../backup/new-backup.ts';
import type { Backup } from '../backup/schema.ts';
import type { DrillReport } from '../drill/schema.ts';
import { DrillStore } from '../drill/store.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { platformSchema } from '../platform/schema.ts';
import { type JobKind, type RunState, ScheduleStore } from './schedule-store.ts';
import type { Tracked } from './schema.ts';
import { collectStatus, withinTargets } from './status.ts';

const hour = 3_600_000;
const now = new Date('2026-06-15T12:00:00Z');
const clock = { now: () => now, monotonic: () => 0 };
const ago = (hours: number) => new Date(now.getTime() - hours * hour);
const platformWith = (backup: object = {}, drill: object = {}) =>
  platformSchema.parse({
    name: 'home',
    environment: 'prod',
    databases: [{ name: 'shop', connection: { database: 'shop' } }],
    backup: { vault: { repository: '/vault', password: { file: '/key' } }, ...backup },
    drill,
  });

let db: DatabaseSync;
let number = 0;
beforeEach(() => {
  db = openDatabase(':memory:');
});

function backup(hoursAgo: number, change: Partial<Backup> = {}): void {
  number += 1;
  const at = ago(hoursAgo).toISOString();
  new BackupCatalog(db).save({
    ...newBackup(`b-${number}`, 'shop', ago(hoursAgo), false),
    finishedAt: at,
    timestamp: at,
    status: 'good',
    ...change,
  });
}

function drill(hoursAgo: number, change: Partial<DrillReport> = {}): void {
  number += 1;
  const at = ago(hoursAgo).toISOString();
  new DrillStore(db).save({
    format: 'socle-drill/1',
    id: `d-${number}`,
    platform: 'home',
    database: 'shop',
    backup: 'b-1',
    backupAt: at,
    startedAt: at,
    finishedAt: at,
    verdict: 'proven',
    level: 'identical-to-artifact',
    failure: null,
    recoveryTime: { ms: 60_000, targetMs: hour, met: true },
    dataLoss: { ms: 60_000, measuredBy: 'heartbeat', longestGapMs: null, targetMs: hour, met: true },
    timings: { preflight: 0, fetch: 0, restore: 0, proof: 0, cleanup: 0, total: 5_000 },
    proof: null,
    scratch: { sandbox: '', serverVersion: null, memoryLimit: 1, diskLimit: 1, peakMemory: null, peakDisk: null },
    artifact: { bytes: 1, sha256: '0' },
    notes: [],
    ...change,
  });
}

function scheduled(kind: JobKind, hoursAgo: number, state: RunState, detail: string | null = null): void {
  const store = new ScheduleStore(db);
  const key = { job: `${kind}:shop`, kind, database: 'shop', pattern: 'x' };
  store.anchor(key, ago(hoursAgo));
  const missed = state === 'missed' ? [ago(hoursAgo)] : [];
  store.record(key, { run: missed.length > 0 ? null : ago(hoursAgo), missed, nextAt: null, handledUntil: now });
  const run = store.nextQueued(now);
  if (run === undefined || state === 'queued') return;
  store.started(run.id, ago(hoursAgo));
  if (state !== 'running' && state !== 'missed') store.finished(run.id, state, ago(hoursAgo), detail);
}

const look = (platform = platformWith()) => collectStatus(platform, db, clock);
const backups = (platform = platformWith()) => look(platform).databases[0]?.backups as Tracked;
const drills = (platform = platformWith()) => look(platform).databases[0]?.drills as Tracked;

test('never succeeded, ok, failing, overdue, off: each by its facts', () => {
  expect(backups()).toMatchObject({ state: 'never succeeded', withinTarget: false, lastSuccessAt: null });
  backup(40, { status: 'failed', failure: { code: 'dump-failed', message: 'pg_dump ended with 1' } });
  expect(backups()).toMatchObject({
    state: 'never succeeded',
    detail: expect.stringContaining('pg_dump ended with 1'),
  });
  backup(25);
  expect(backups()).toMatchObject({ state: 'ok', withinTarget: true, targetMs: 26 * hour });
  backup(1, { status: 'failed', failure: { code: 'dump-failed', message: 'pg_dump ended with 1' } });
  expect(backups()).toMatchObject({
    state: 'failing',
    withinTarget: true,
    detail: expect.stringContaining('pg_dump ended'),
  });
  expect(backups(platformWith({ rpo: '24h' }))).toMatchObject({ state: 'overdue', withinTarget: false });
  expect(backups(platformWith({ schedule: 'off', deep_schedule: 'off' }))).toMatchObject({
    state: 'off',
    withinTarget: true,
  });
});

test('what was good and turned out damaged, or lacks something, does not count', () => {
  backup(30);
  backup(2, { status: 'damaged' });
  expect(backups()).toMatchObject({ state: 'overdue', lastSuccessAt: ago(30).toISOString() });
  backup(1, { status: 'incomplete', missing: ['shop.secret'] });
  expect(backups().detail).toContain('it lacks shop.secret');
});

test('a job that never came to a backup is a failure too, and so is a copy that failed after a good one', () => {
  backup(5);
  scheduled('backup', 1, 'failed', 'backup: shop on /run does not answer');
  expect(backups()).toMatchObject({ state: 'failing', detail: expect.stringContaining('does not answer') });
});

test('an interrupted backup that is about to be made again is no news', () => {
  backup(10);
  backup(1, { status: 'failed', failure: { code: 'interrupted', message: 'its process ended' } });
  expect(backups().state).toBe('failing');
  scheduled('backup', 1, 'queued');
  expect(backups().state).toBe('ok');
});

test('the 30-day rate: a missed run counts as one that failed, one under way does not count yet', () => {
  expect(backups().successRate).toBeNull();
  for (const [hours, state] of [
    [31 * 24, 'failed'],
    [72, 'missed'],
    [48, 'ok'],
    [24, 'interrupted'],
    [2, 'ok'],
  ] as const) {
    scheduled('backup', hours, state);
  }
  expect(backups().successRate).toEqual({ expected: 4, succeeded: 2, missed: 1, rate: 0.5 });
});

test('drills: proven is ok; a mismatch fails; what could not be tested is not a bad backup, but grows overdue', () => {
  expect(drills().state).toBe('never succeeded');
  drill(24);
  expect(drills()).toMatchObject({ state: 'ok', lastDurationMs: 5_000 });
  drill(12, { verdict: 'not-tested', failure: { code: 'x', message: 'no disk', next: '' } });
  expect(drills()).toMatchObject({ state: 'ok', detail: expect.stringContaining('could not test it: no disk') });
  expect(drills(platformWith({}, { overdue_after: '20h' }))).toMatchObject({
    state: 'overdue',
    detail: expect.stringContaining('no disk'),
  });
  drill(2, { verdict: 'mismatch', failure: { code: 'x', message: '3 differences', next: '' } });
  expect(drills()).toMatchObject({
    state: 'failing',
    withinTarget: false,
    detail: expect.stringContaining('3 differences'),
  });
  drill(1);
  expect(drills().state).toBe('ok');
});

test('a proven drill that took too long, or would have lost too much, is out of its target', () => {
  drill(3, { recoveryTime: { ms: 2 * hour, targetMs: hour, met: false } });
  expect(drills()).toMatchObject({ state: 'failing', detail: expect.stringContaining('rto') });
  const loss = { ms: 90 * hour, measuredBy: 'snapshot' as const, longestGapMs: null, targetMs: hour, met: false };
  backup(90);
  drill(2, { dataLoss: loss, backupAt: ago(90).toISOString() });
  expect(drills()).toMatchObject({ state: 'failing', detail: expect.stringContaining('rpo') });
  backup(4);
  expect(drills().state).toBe('ok');
});

test('twenty failed drills in a row do not hide the proof before them', () => {
  drill(100);
  for (let count = 0; count < 30; count += 1) drill(50 - count, { verdict: 'mismatch' });
  expect(drills()).toMatchObject({ state: 'failing', lastSuccessAt: ago(100).toISOString() });
});

test('a clock that was years ahead does not make everything look fresh', () => {
  backup(30);
  backup(-24 * 365);
  expect(backups()).toMatchObject({ state: 'overdue', lastSuccessAt: ago(30).toISOString() });
  backup(-2);
  expect(backups().state).toBe('ok');
});

test('a check of the vault counts whoever started it, and damage found is a failure', () => {
  const store = new IntegrityStore(db);
  const check = { vault: '/vault', part: { n: 1, of: 7 }, durationMs: 5, detail: 'read', packs: null };
  store.save({ ...check, at: ago(5).toISOString(), ok: true });
  expect(look().integrity).toMatchObject({ state: 'ok', lastSuccessAt: ago(5).toISOString(), lastDurationMs: 5 });
  store.save({ ...check, at: ago(4).toISOString(), ok: false, detail: 'pack 17 is damaged\nand more' });
  expect(look().integrity).toMatchObject({
    state: 'failing',
    detail: expect.stringContaining('/vault: pack 17 is damaged;'),
  });
  store.save({ ...check, at: ago(3).toISOString(), ok: true });
  expect(look().integrity.state).toBe('ok');
});

test('the whole: the worst of all, and whether the external heartbeat may be sent', () => {
  backup(2);
  drill(1);
  const fine = look();
  expect([fine.status, withinTargets(fine)]).toEqual(['warn', true]);
  expect(fine.integrity.state).toBe('never succeeded');
  backup(1, { status: 'failed' });
  expect([look().status, withinTargets(look())]).toEqual(['warn', true]);
  drill(0.5, { verdict: 'mismatch' });
  expect([look().status, withinTargets(look())]).toEqual(['fail', false]);
});
