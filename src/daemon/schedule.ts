import { createHash } from 'node:crypto';
import type { JobKind } from '../observability/schedule-store.ts';
import type { Platform } from '../platform/schema.ts';
import { occurrences } from './occurrences.ts';

/** One schedule of the platform file, for one database or (integrity) for the vault. */
export interface ScheduleSpec {
  /** Stable key of the job: `backup:shop`, `integrity`. */
  readonly job: string;
  readonly kind: JobKind;
  readonly database: string | null;
  readonly cron: string;
  readonly timeZone: string;
  readonly jitterMs: number;
}

/** What is remembered of a schedule between two looks at the clock. */
export interface Anchor {
  /** Random per job; jitter is derived from it, so that a restart does not draw again. */
  readonly seed: string;
  /** Every occurrence up to this moment has been dealt with. */
  readonly handledUntil: Date;
}

export interface Occurrence {
  /** The moment that the cron expression names. */
  readonly due: Date;
  /** The same with jitter: when it starts. */
  readonly startAt: Date;
}

/** What a look at the clock says about one schedule. */
export interface SchedulePlan {
  /** The occurrence to run now: the newest one whose start has come. */
  readonly run: Occurrence | null;
  /** Older ones that never ran and never will: they count as failures. */
  readonly missed: readonly Occurrence[];
  readonly next: Occurrence | null;
  readonly handledUntil: Date;
}

const hour = 3_600_000;
const day = 24 * hour;

/** A clock that was set back by more than this was wrong before, and what it made us remember is void. */
const believableJumpMs = day;

/** Missed runs older than this say nothing about today's 30-day rate. */
const lookBackMs = 31 * day;

/** The schedules that are on. Backups come before drills, so that what is due together runs in that order. */
export function schedulesOf(platform: Platform): ScheduleSpec[] {
  const { backup, drill, databases, cluster, timezone: timeZone } = platform;
  const specs: ScheduleSpec[] = [];
  const add = (kind: JobKind, database: string | null, cron: string, jitterMs: number) => {
    if (cron === 'off') return;
    specs.push({ job: database === null ? kind : `${kind}:${database}`, kind, database, cron, timeZone, jitterMs });
  };
  if (backup === undefined) return [];
  if (cluster) add('datastore', null, cluster.datastore.schedule, backup.jitter);
  for (const { name } of databases) add('backup', name, backup.schedule, backup.jitter);
  for (const { name } of databases) add('deep-backup', name, backup.deep_schedule, backup.jitter);
  for (const { name } of databases) add('drill', name, drill.schedule, drill.jitter);
  if (databases.length > 0) add('integrity', null, backup.integrity.schedule, backup.jitter);
  return specs;
}

/** The same delay for the same occurrence, always; never past half the way to the occurrence after it. */
function withJitter(spec: ScheduleSpec, seed: string, due: Date, after: Date | undefined): Occurrence {
  const room = after === undefined ? spec.jitterMs : (after.getTime() - due.getTime()) / 2;
  const draw = createHash('sha256').update(`${seed} ${due.toISOString()}`).digest().readUInt32BE(0) / 2 ** 32;
  return { due, startAt: new Date(due.getTime() + Math.floor(draw * Math.min(spec.jitterMs, room))) };
}

/** From where the occurrences are looked at: after a long time not all of them say something about today. */
function lookFrom(spec: ScheduleSpec, { handledUntil }: Anchor, now: Date): Date {
  if (handledUntil.getTime() > now.getTime() + believableJumpMs) return now;
  const [first, second] = occurrences(spec.cron, spec.timeZone, handledUntil).take(2);
  if (first === undefined || first >= now) return handledUntil;
  const dense = second !== undefined && second.getTime() - first.getTime() < hour;
  return new Date(Math.max(handledUntil.getTime(), now.getTime() - (dense ? day : lookBackMs)));
}

/**
 * Pure: what to run now, what was missed, and what comes next. After downtime, or a clock that jumped forward, the
 * newest missed occurrence runs once. A clock that jumped back runs nothing again. What the changes of the time zone do
 * is said by `occurrences`.
 */
export function planSchedule(spec: ScheduleSpec, anchor: Anchor, now: Date): SchedulePlan {
  const handled = lookFrom(spec, anchor, now);
  const moments = occurrences(spec.cron, spec.timeZone, handled);
  const started: Occurrence[] = [];
  let next: Occurrence | null = null;
  let due = moments.next().value;
  while (due !== undefined && next === null) {
    const after = moments.next().value;
    const occurrence = withJitter(spec, anchor.seed, due, after);
    if (occurrence.startAt > now) next = occurrence;
    else started.push(occurrence);
    due = after;
  }
  const run = started.pop() ?? null;
  return { run, missed: started, next, handledUntil: run?.due ?? handled };
}
