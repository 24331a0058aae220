import type { Backup } from '../backup/schema.ts';
import type { DrillReport } from './schema.ts';

const day = 86_400_000;
const window = 30 * day;

/**
 * The longest time between two good backups of one database that follow each other, ms, in the 30 days before `now`
 * (the gap that reaches into them counts as a whole). Null with fewer than two.
 */
export function longestGap(backups: readonly Backup[], database: string, now: Date): number | null {
  const times = backups
    .filter((backup) => backup.database === database && (backup.status === 'good' || backup.status === 'damaged'))
    .map((backup) => Date.parse(backup.timestamp))
    .filter((time) => time <= now.getTime())
    .sort((a, b) => a - b);
  let longest: number | null = null;
  for (const [index, time] of times.entries()) {
    const before = times[index - 1];
    if (before !== undefined && time >= now.getTime() - window) longest = Math.max(longest ?? 0, time - before);
  }
  return longest;
}

/** A daemon writes a heartbeat each minute; one that is older than this in a backup says that none was running. */
const staleHeartbeat = 10 * 60_000;

/**
 * What would have been lost if the source had gone when the drill started: up to the newest sign of life in the
 * copy. Where nobody wrote one when the backup was taken, it holds everything up to its snapshot all the same.
 */
export function dataLoss(facts: {
  readonly startedAt: Date;
  readonly heartbeatAt: Date | null;
  readonly snapshotAt: Date;
  readonly longestGapMs: number | null;
  readonly targetMs: number;
}): NonNullable<DrillReport['dataLoss']> {
  const { startedAt, heartbeatAt, snapshotAt, longestGapMs, targetMs } = facts;
  const alive = heartbeatAt !== null && snapshotAt.getTime() - heartbeatAt.getTime() <= staleHeartbeat;
  // A clock that was set back makes the difference negative: nothing can be lost that was not there yet.
  const ms = Math.max(0, startedAt.getTime() - (alive ? heartbeatAt : snapshotAt).getTime());
  return {
    ms,
    measuredBy: alive ? 'heartbeat' : 'snapshot',
    longestGapMs,
    targetMs,
    met: ms <= targetMs && (longestGapMs ?? 0) <= targetMs,
  };
}

/** Fetch and restore, against the target: what somebody waits for after a loss. The proof is not part of it. */
export function recoveryTime(
  timings: Pick<DrillReport['timings'], 'fetch' | 'restore'>,
  targetMs: number,
): NonNullable<DrillReport['recoveryTime']> {
  const ms = timings.fetch + timings.restore;
  return { ms, targetMs, met: ms <= targetMs };
}
