import type { DatabaseSync } from 'node:sqlite';
import { BackupCatalog } from '../backup/catalog.ts';
import { IntegrityStore } from '../backup/integrity-store.ts';
import type { Backup } from '../backup/schema.ts';
import { saveAction } from '../datastore/action.ts';
import { verdictSchema } from '../drill/schema.ts';
import { DrillStore } from '../drill/store.ts';
import { newestOperation, operationsOf } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Platform } from '../platform/schema.ts';
import { lastDaemon } from './daemon-record.ts';
import { backupFacts, datastoreFacts, drillFacts, integrityFacts } from './facts.ts';
import { type FollowUp, followUpActions, followUpFacts, followUpRate } from './follow-ups.ts';
import { notificationsOf, outcomeOfNotification } from './notify/undelivered.ts';
import { type ScheduledRun, ScheduleStore } from './schedule-store.ts';
import type { Status, Tracked } from './schema.ts';
import { allWithinTarget, type Facts, judge, outcomeOf, successRate, worst } from './states.ts';

const window = 30 * 86_400_000;

const unproven = verdictSchema.options.filter((verdict) => verdict !== 'proven');

/** How far back one looks for the last success: it is nearly always among the newest. */
const depth = 20;

/** One failure is within target while the success before it is young enough. */
const tolerant: ReadonlySet<string> = new Set(['backup', 'copy of the cluster']);

function track(
  facts: Facts & { lastDurationMs: number | null },
  runs: readonly ScheduledRun[],
  next: Date | null,
  now: Date,
): Tracked {
  const { state, detail } = judge(facts, now);
  return {
    state,
    detail,
    withinTarget: state === 'ok' || state === 'off' || (state === 'failing' && tolerant.has(facts.what)),
    lastSuccessAt: facts.lastSuccessAt?.toISOString() ?? null,
    lastFailureAt: facts.lastFailure?.at.toISOString() ?? null,
    lastDurationMs: facts.lastDurationMs,
    targetMs: facts.targetMs,
    nextAt: next?.toISOString() ?? null,
    running: runs.some((run) => run.state === 'running'),
    successRate: successRate(runs.filter((run) => run.due.getTime() > now.getTime() - window)),
  };
}

const earliest = (dates: readonly (Date | null)[]) =>
  dates.reduce<Date | null>((found, one) => (one !== null && (found === null || one < found) ? one : found), null);

/**
 * What `socle status` shows and the API serves: one source, read from the state database alone. It asks nothing of a
 * database or a vault, and takes milliseconds.
 */
export function collectStatus(platform: Platform, db: DatabaseSync, clock: Clock): Status {
  const now = clock.now();
  const catalog = new BackupCatalog(db);
  const drills = new DrillStore(db);
  const schedule = new ScheduleStore(db);
  const { backup, drill } = platform;
  const since = new Date(now.getTime() - 90 * 86_400_000);
  const bad: Backup['status'][] = ['failed', 'incomplete', 'damaged'];

  const databases = platform.databases.map(({ name }) => {
    const runs = schedule.runs(['backup', 'deep-backup'], name, since);
    const good = catalog.list({ database: name, status: ['good'], limit: depth });
    const drillRuns = schedule.runs(['drill'], name, since);
    const backups = backupFacts(
      { good, bad: catalog.list({ database: name, status: bad, limit: depth }), runs },
      {
        scheduled: backup !== undefined && (backup.schedule !== 'off' || backup.deep_schedule !== 'off'),
        rpoMs: backup?.rpo ?? 0,
      },
      now,
    );
    const tests = drillFacts(
      {
        proven: drills.summaries({ database: name, verdicts: ['proven'], limit: depth }),
        others: drills.summaries({ database: name, verdicts: unproven, limit: depth }),
        good,
        runs: drillRuns,
      },
      { scheduled: backup !== undefined && drill.schedule !== 'off', overdueAfterMs: drill.overdue_after },
      now,
    );
    const next = earliest([schedule.nextAt(`backup:${name}`), schedule.nextAt(`deep-backup:${name}`)]);
    return {
      name,
      backups: track(backups, runs, next, now),
      drills: track(tests, drillRuns, schedule.nextAt(`drill:${name}`), now),
    };
  });
  const checks = schedule.runs(['integrity'], null, since);
  const scheduled = backup !== undefined && platform.databases.length > 0 && backup.integrity.schedule !== 'off';
  const store = new IntegrityStore(db);
  const known = { whole: store.newest(true), damaged: store.newest(false) };
  const integrity = track(integrityFacts(checks, known, scheduled), checks, schedule.nextAt('integrity'), now);
  const datastore = trackDatastore(platform, db, schedule, since, now);
  const notifications = notificationsOf(db, platform.ops.notify);
  const follows = backup !== undefined && platform.databases.length > 0;
  const copies = follows && backup.copy ? trackFollowUp('copies', platform, db, since, now) : null;
  const retention = follows ? trackFollowUp('retention', platform, db, since, now) : null;
  return {
    platform: platform.name,
    environment: platform.environment,
    timestamp: now.toISOString(),
    status: worst([
      ...databases.flatMap((one) => [outcomeOf('backup', one.backups.state), outcomeOf('drill', one.drills.state)]),
      outcomeOf('integrity', integrity.state),
      ...(datastore ? [outcomeOf('datastore', datastore.state)] : []),
      ...notifications.map(outcomeOfNotification),
      ...(copies ? [outcomeOf('copies', copies.state)] : []),
      ...(retention ? [outcomeOf('retention', retention.state)] : []),
    ]),
    databases,
    integrity,
    datastore,
    notifications,
    copies,
    retention,
    daemon: lastDaemon(db),
  };
}

function trackDatastore(
  { cluster, backup }: Platform,
  db: DatabaseSync,
  schedule: ScheduleStore,
  since: Date,
  now: Date,
): Tracked | null {
  if (cluster === undefined || backup === undefined) return null;
  const runs = schedule.runs(['datastore'], null, since);
  const known = {
    saved: newestOperation(db, saveAction, ['ok']),
    failed: newestOperation(db, saveAction, ['failed', 'interrupted']),
  };
  const options = { scheduled: cluster.datastore.schedule !== 'off', rpoMs: cluster.datastore.rpo };
  return track(datastoreFacts(runs, known, options, now), runs, schedule.nextAt('datastore'), now);
}

/** They run after each backup: where none is scheduled, they are off as well. */
function trackFollowUp(kind: FollowUp, { backup }: Platform, db: DatabaseSync, since: Date, now: Date): Tracked {
  const operations = operationsOf(db, followUpActions[kind], since);
  const scheduled = backup !== undefined && (backup.schedule !== 'off' || backup.deep_schedule !== 'off');
  const targetMs = kind === 'copies' ? (backup?.rpo ?? null) : null;
  const facts = followUpFacts(kind, operations, { scheduled, targetMs }, now);
  const tracked = track(facts, [], null, now);
  // Before the first attempt there is no news; once one was made and failed, there is.
  const neverWorked = tracked.state === 'never succeeded' && facts.lastFailure !== null;
  return {
    ...tracked,
    ...(neverWorked ? { state: 'failing' as const, withinTarget: false } : {}),
    running: newestOperation(db, followUpActions[kind], ['running']) !== undefined,
    successRate: followUpRate(operations, new Date(now.getTime() - window)),
  };
}

/** Are all backups, drills and copies of the cluster within target? The vault's checks are not part of that promise. */
export const withinTargets = ({ databases, datastore }: Status): boolean =>
  allWithinTarget([...databases.flatMap((one) => [one.backups, one.drills]), ...(datastore ? [datastore] : [])]);
