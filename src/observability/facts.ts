import type { VaultCheck } from '../backup/integrity-store.ts';
import type { Backup } from '../backup/schema.ts';
import type { DrillSummary } from '../drill/summary.ts';
import type { Operation } from '../governance/schema.ts';
import { formatDuration } from '../kernel/units.ts';
import type { ScheduledRun } from './schedule-store.ts';
import { believableAheadMs, type Facts } from './states.ts';

/** Newest first, as the catalog lists them. */
export interface BackupHistory {
  readonly good: readonly Backup[];
  readonly bad: readonly Backup[];
  readonly runs: readonly ScheduledRun[];
}

interface Failed {
  readonly at: Date;
  readonly reason: string;
}

const newest = (failures: readonly (Failed | undefined)[]): Failed | null =>
  failures.reduce<Failed | null>(
    (found, one) => (one !== undefined && (found === null || one.at > found.at) ? one : found),
    null,
  );

/** The newest scheduled run that is over, when it failed. */
function failedRun(runs: readonly ScheduledRun[]): Failed | undefined {
  const over = runs.find((run) => ['ok', 'failed', 'interrupted'].includes(run.state));
  if (over === undefined || over.state === 'ok') return undefined;
  return { at: over.finishedAt ?? over.due, reason: over.detail ?? over.state };
}

export const isActive = (runs: readonly ScheduledRun[]) =>
  runs.some((run) => run.state === 'running' || run.state === 'queued');

const believable = (stamp: string, now: Date) => Date.parse(stamp) <= now.getTime() + believableAheadMs;

/** Facts about the backups of one database. The age of a backup is that of its snapshot: it is what a restore gives. */
export function backupFacts(
  history: BackupHistory,
  options: { scheduled: boolean; rpoMs: number },
  now: Date,
): Facts & { lastDurationMs: number | null } {
  const good = history.good.find((backup) => believable(backup.timestamp, now));
  const bad = history.bad
    .filter((backup) => believable(backup.startedAt, now))
    // An interrupted attempt that is about to be made again is no news.
    .find((backup) => !(backup.failure?.code === 'interrupted' && isActive(history.runs)));
  return {
    what: 'backup',
    scheduled: options.scheduled,
    targetMs: options.rpoMs,
    lastSuccessAt: good ? new Date(good.timestamp) : null,
    lastFailure: newest([
      bad && { at: new Date(bad.finishedAt ?? bad.startedAt), reason: reasonOf(bad) },
      failedRun(history.runs),
    ]),
    missedTarget: null,
    untested: null,
    lastDurationMs: good?.durationMs ?? null,
  };
}

function reasonOf(backup: Backup): string {
  if (backup.failure) return backup.failure.message;
  if (backup.status === 'damaged') return `${backup.id} is damaged in the vault`;
  return backup.missing.length > 0 ? `it lacks ${backup.missing.slice(0, 3).join(', ')}` : `it is ${backup.status}`;
}

/** The targets that a proven drill missed. Data loss is judged only when it restored the newest backup of its time. */
function missedTarget(drill: DrillSummary, good: readonly Backup[]): string | null {
  const { recoveryTime, dataLoss } = drill;
  if (recoveryTime?.met === false) {
    const [took, target] = [recoveryTime.ms, recoveryTime.targetMs].map(formatDuration);
    return `the last drill proved its backup, but the restore took ${took}; the target (rto) is ${target}`;
  }
  const newer = good.some((one) => one.timestamp > drill.backupAt && (one.finishedAt ?? '9') < drill.startedAt);
  if (dataLoss?.met === false && !newer) {
    const [lost, target] = [dataLoss.ms, dataLoss.targetMs].map(formatDuration);
    return `the last drill proved its backup, but ${lost} of data would have been lost; the target (rpo) is ${target}`;
  }
  return null;
}

/** Why the newest attempt gave no answer: the environment failed, or the drill did not come to a report. */
function untested(attempt: DrillSummary | undefined, runs: readonly ScheduledRun[]): string | null {
  const run = failedRun(runs);
  if (run !== undefined && (attempt === undefined || Date.parse(attempt.finishedAt) < run.at.getTime() - 60_000)) {
    return `the last drill gave no report: ${run.reason}`;
  }
  if (attempt?.verdict !== 'not-tested') return null;
  return `the last drill could not test it: ${attempt.failure?.message ?? 'for a reason not recorded'}`;
}

/**
 * Facts about the drills of one database. A drill that could not test anything says nothing about the backup: it is no
 * failure, and the proof before it grows older until it is overdue.
 */
export function drillFacts(
  history: {
    proven: readonly DrillSummary[];
    others: readonly DrillSummary[];
    good: readonly Backup[];
    runs: readonly ScheduledRun[];
  },
  options: { scheduled: boolean; overdueAfterMs: number },
  now: Date,
): Facts & { lastDurationMs: number | null } {
  const inTime = (drill: DrillSummary) => believable(drill.startedAt, now);
  const proven = history.proven.find(inTime);
  const others = history.others.filter(inTime);
  const refuted = others.find((drill) => drill.verdict !== 'not-tested');
  const [attempt] = [...(proven ? [proven] : []), ...others].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  return {
    what: 'drill',
    scheduled: options.scheduled,
    targetMs: options.overdueAfterMs,
    lastSuccessAt: proven ? new Date(proven.startedAt) : null,
    lastFailure: refuted
      ? { at: new Date(refuted.finishedAt), reason: refuted.failure?.message ?? refuted.verdict }
      : null,
    missedTarget: proven ? missedTarget(proven, history.good) : null,
    untested: untested(attempt, history.runs),
    lastDurationMs: proven?.timings.total ?? null,
  };
}

/** Facts about the copies of the cluster's datastore, by the audit trail and the runs of their schedule. */
export function datastoreFacts(
  runs: readonly ScheduledRun[],
  { saved, failed }: { readonly saved: Operation | undefined; readonly failed: Operation | undefined },
  options: { scheduled: boolean; rpoMs: number },
  now: Date,
): Facts & { lastDurationMs: number | null } {
  const good = saved && believable(saved.startedAt, now) ? saved : undefined;
  const reason = failed?.failure?.message ?? 'it was interrupted';
  return {
    what: 'copy of the cluster',
    scheduled: options.scheduled,
    targetMs: options.rpoMs,
    lastSuccessAt: good ? new Date(good.startedAt) : null,
    lastFailure: newest([
      failedRun(runs),
      failed && !isActive(runs) ? { at: new Date(failed.finishedAt ?? failed.startedAt), reason } : undefined,
    ]),
    missedTarget: null,
    untested: null,
    lastDurationMs: good?.durationMs ?? null,
  };
}

/** Facts about the checks of the vault, scheduled or by hand; a check that could not be made is known from its run. */
export function integrityFacts(
  runs: readonly ScheduledRun[],
  { whole, damaged }: { readonly whole: VaultCheck | undefined; readonly damaged: VaultCheck | undefined },
  scheduled: boolean,
): Facts & { lastDurationMs: number | null } {
  return {
    what: 'check of the vault',
    scheduled,
    targetMs: null,
    lastSuccessAt: whole ? new Date(whole.at) : null,
    lastFailure: newest([
      failedRun(runs),
      damaged && { at: new Date(damaged.at), reason: `${damaged.vault}: ${damaged.detail.split('\n')[0]}` },
    ]),
    missedTarget: null,
    untested: null,
    lastDurationMs: whole?.durationMs ?? null,
  };
}
