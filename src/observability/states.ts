import { formatDuration } from '../kernel/units.ts';
import type { ScheduledRun } from './schedule-store.ts';
import type { Outcome, State, SuccessRate, Tracked } from './schema.ts';

/** What is known of one tracked thing; `judge` turns it into a state. */
export interface Facts {
  /** What it is, for sentences: `backup`, `drill`, `check of the vault`. */
  readonly what: string;
  readonly scheduled: boolean;
  /** The last success may be this old, milliseconds; null when age does not matter. */
  readonly targetMs: number | null;
  readonly lastSuccessAt: Date | null;
  /** The newest attempt that failed, and why. */
  readonly lastFailure: { readonly at: Date; readonly reason: string } | null;
  /** The last success missed a target of its own, such as the recovery time: a sentence. */
  readonly missedTarget: string | null;
  /** Why the newest attempt said nothing either way: a sentence. It is shown, and is no failure. */
  readonly untested: string | null;
}

const day = 86_400_000;

/** Stamps further ahead than this were made by a clock that was wrong: they say nothing. */
export const believableAheadMs = day;

export interface Judgement {
  readonly state: State;
  readonly detail: string;
}

/**
 * Pure. `off` beats everything, then what was never done, then what is too old, then what failed last: the worst thing
 * that is true is the state.
 */
export function judge(facts: Facts, now: Date): Judgement {
  const { what, lastSuccessAt, lastFailure, targetMs } = facts;
  if (!facts.scheduled) return { state: 'off', detail: `no schedule starts a ${what}` };
  const failed =
    facts.untested !== null
      ? `; ${facts.untested}`
      : lastFailure === null
        ? ''
        : `; the last run failed: ${lastFailure.reason}`;
  if (lastSuccessAt === null) return { state: 'never succeeded', detail: `no ${what} has ever succeeded${failed}` };
  const age = Math.max(0, now.getTime() - lastSuccessAt.getTime());
  const last = `the last good ${what} is ${formatDuration(age)} old`;
  const failedSince = lastFailure !== null && lastFailure.at > lastSuccessAt;
  if (targetMs !== null && age > targetMs) {
    const limit = `more than the ${formatDuration(targetMs)} allowed`;
    return { state: 'overdue', detail: `${last}, ${limit}${failedSince || facts.untested !== null ? failed : ''}` };
  }
  if (failedSince) return { state: 'failing', detail: `the last run failed: ${lastFailure.reason}; ${last}` };
  if (facts.missedTarget !== null) return { state: 'failing', detail: facts.missedTarget };
  return { state: 'ok', detail: `${last}${facts.untested === null ? '' : failed}` };
}

/** What a state means for health. A backup that failed once is a warning while the one before it is young enough. */
export function outcomeOf(
  kind: 'backup' | 'drill' | 'integrity' | 'datastore' | 'copies' | 'retention',
  state: State,
): Outcome {
  if (state === 'ok' || state === 'off') return 'pass';
  // The backup is good; only copies that are too old are a promise that is not kept.
  if (kind === 'retention') return state === 'failing' ? 'warn' : 'pass';
  if (kind === 'copies') return state === 'overdue' ? 'fail' : state === 'failing' ? 'warn' : 'pass';
  if (state === 'failing') return kind === 'backup' || kind === 'datastore' ? 'warn' : 'fail';
  return kind === 'integrity' ? 'warn' : 'fail';
}

const severity: Record<Outcome, number> = { pass: 0, warn: 1, fail: 2 };

/** The worst of several outcomes; `pass` of none. */
export function worst(outcomes: readonly Outcome[]): Outcome {
  return outcomes.reduce<Outcome>((found, one) => (severity[one] > severity[found] ? one : found), 'pass');
}

/** Of runs that are over: how many succeeded. A missed or an interrupted one did not. */
export function successRate(runs: readonly ScheduledRun[]): SuccessRate | null {
  const over = runs.filter((run) => run.state !== 'queued' && run.state !== 'running');
  if (over.length === 0) return null;
  const succeeded = over.filter((run) => run.state === 'ok').length;
  const missed = over.filter((run) => run.state === 'missed').length;
  return { expected: over.length, succeeded, missed, rate: succeeded / over.length };
}

/** Is everything that is scheduled within its target? Decides whether the external heartbeat is sent. */
export function allWithinTarget(tracked: readonly Tracked[]): boolean {
  return tracked.every((one) => one.withinTarget);
}
