import type { Retention } from '../platform/schema.ts';
import { periodsIn } from './periods.ts';
import type { Backup } from './schema.ts';

/** One line of the table that is shown before anything is removed. */
interface RetentionRow {
  readonly backup: Backup;
  readonly keep: boolean;
  /** Why it stays, or why it goes. */
  readonly reasons: readonly string[];
  /** Rules that keep it, in short: DS-1's retention class. Empty for what goes. */
  readonly classes: readonly string[];
}

export interface RetentionPlan {
  /** By database, newest first. */
  readonly rows: readonly RetentionRow[];
  /** Databases of which nothing is removed, and why. */
  readonly suspended: ReadonlyArray<{ readonly database: string; readonly reason: string }>;
}

const hour = 3_600_000;
const dayMs = 24 * hour;

/** What a crash left is looked at by a person before it goes, and may belong to a backup of another machine that runs. */
const leftoverAge = dayMs;

/** A record of a backup that failed has no data; it tells the history of as many days as the success rate covers. */
const failureAge = 30 * dayMs;

/** A backup from the future was stamped by a clock that was wrong. */
const believableAhead = dayMs;

const rules = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/**
 * What to remove, and why each backup stays. Never the last good one, never the last proven one, never a held one. Of a
 * database whose newest backup is not good, nothing: what went wrong is found out first.
 * @param timeZone where a day begins
 */
export function planRetention(
  backups: readonly Backup[],
  policy: Retention,
  now: Date,
  timeZone: string,
): RetentionPlan {
  const databases = [...new Set(backups.map(({ database }) => database))].sort();
  const plans = databases.map((database) =>
    planDatabase(
      backups.filter((backup) => backup.database === database),
      policy,
      now,
      timeZone,
    ),
  );
  return {
    rows: plans.flatMap(({ rows }) => rows),
    suspended: plans.flatMap(({ reason }, index) =>
      reason === null ? [] : [{ database: databases[index] ?? '', reason }],
    ),
  };
}

function planDatabase(backups: readonly Backup[], policy: Retention, now: Date, timeZone: string) {
  const newestFirst = [...backups].sort((a, b) => b.timestamp.localeCompare(a.timestamp) || b.id.localeCompare(a.id));
  const kept = keptByPolicy(newestFirst, policy, now, timeZone);
  const rows = newestFirst.map((backup) => judge(backup, newestFirst, kept.get(backup.id) ?? [], now));
  const reason = suspension(newestFirst, now);
  if (reason === null) return { rows, reason };
  return {
    rows: rows.map((row) => (row.keep ? row : { ...row, keep: true, reasons: [`nothing is removed: ${reason}`] })),
    reason,
  };
}

/** Why nothing may be removed now; null when it may. By start: the attempt that was made last decides. */
function suspension(backups: readonly Backup[], now: Date): string | null {
  const newest = backups
    .filter(({ status, startedAt }) => status !== 'running' && isBelievable(startedAt, now))
    .reduce<Backup | null>((found, one) => (found === null || one.startedAt > found.startedAt ? one : found), null);
  if (newest === null || newest.status === 'good') return null;
  return `the newest backup, ${newest.id}, is ${newest.status}`;
}

const isProven = ({ proof }: Backup) => proof.status.startsWith('identical-');
const isGood = ({ status }: Backup) => status === 'good';
const time = (text: string) => new Date(text).getTime();
const isBelievable = (text: string, now: Date) => time(text) <= now.getTime() + believableAhead;

/** Why a backup stays. */
interface Ground {
  /** DS-1's retention class. */
  readonly rule: string;
  readonly reason: string;
}

/** Rules of the policy that keep each good backup: the newest of each period, over as many periods as asked for. */
function keptByPolicy(newestFirst: readonly Backup[], policy: Retention, now: Date, timeZone: string) {
  const kept = new Map<string, Ground[]>();
  const keep = (backup: Backup, rule: string, reason: string) =>
    kept.set(backup.id, [...(kept.get(backup.id) ?? []), { rule, reason }]);
  const good = newestFirst.filter(isGood);
  const believable = good.filter((backup) => isBelievable(backup.timestamp, now));
  for (const backup of good) {
    if (!believable.includes(backup)) keep(backup, 'future', 'stamped in the future, by a clock that was wrong');
  }
  believable.slice(0, policy.last).forEach((backup, index) => {
    keep(backup, 'last', `last ${index + 1} of ${policy.last}`);
  });
  const periods = periodsIn(timeZone);
  for (const rule of rules) {
    const seen = new Set<string>();
    for (const backup of believable) {
      const period = periods(new Date(backup.timestamp))[rule];
      if (seen.has(period)) continue;
      if (seen.size >= policy[rule]) break;
      seen.add(period);
      keep(backup, rule, `${rule} ${period}`);
    }
  }
  return kept;
}

function judge(backup: Backup, all: readonly Backup[], byPolicy: readonly Ground[], now: Date): RetentionRow {
  const grounds = [...byPolicy];
  const lastGood = all.find((one) => isGood(one) && one.proof.status !== 'mismatch') ?? all.find(isGood);
  if (backup === lastGood) grounds.push({ rule: 'last-good', reason: 'the last good one' });
  if (backup === all.find((one) => isGood(one) && isProven(one)) || backup === all.find(isProven)) {
    grounds.push({ rule: 'last-proven', reason: 'the last proven one' });
  }
  if (backup.retention.held !== null) grounds.push({ rule: 'held', reason: `held: ${backup.retention.held}` });
  if (backup.status === 'running') grounds.push({ rule: 'running', reason: 'it is running' });
  if (grounds.length === 0) return { backup, classes: [], ...ofNoRule(backup, all, now) };
  return {
    backup,
    keep: true,
    reasons: grounds.map(({ reason }) => reason),
    classes: [...new Set(grounds.map(({ rule }) => rule))],
  };
}

/** By what a restore gives; without a manifest only the start of the attempt is known. */
const isNewer = (one: Backup, than: Backup): boolean =>
  than.missing.length > 0 ? one.timestamp > than.timestamp : one.startedAt > than.startedAt;

/** What no rule keeps. */
function ofNoRule(backup: Backup, all: readonly Backup[], now: Date): Pick<RetentionRow, 'keep' | 'reasons'> {
  const age = now.getTime() - time(backup.startedAt);
  switch (backup.status) {
    case 'incomplete':
      // It is still data: what it has can be restored (`socle restore --incomplete`).
      if (!all.some((one) => isGood(one) && isNewer(one, backup))) {
        return { keep: true, reasons: ['incomplete, and there is no newer good one'] };
      }
      return age > leftoverAge
        ? { keep: false, reasons: ['incomplete, and older than a day'] }
        : { keep: true, reasons: ['incomplete, and not a day old: to be looked at'] };
    case 'failed':
      return age > failureAge
        ? { keep: false, reasons: ['the record of a failure, older than 30 days'] }
        : { keep: true, reasons: ['the record of a failure: it holds no data'] };
    case 'damaged': {
      const newer = all.some((one) => isGood(one) && isProven(one) && one.timestamp > backup.timestamp);
      return newer
        ? { keep: false, reasons: ['damaged, and a newer one is proven'] }
        : { keep: true, reasons: ['damaged, and no newer one is proven'] };
    }
    default:
      return { keep: false, reasons: ['no rule keeps it'] };
  }
}
