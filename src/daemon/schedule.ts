import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import type { JobKind } from '../observability/schedule-store.ts';
import type { Platform } from '../platform/schema.ts';

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

/** The platform file's schema has seen that it is cron. */
function parse({ cron, timeZone }: ScheduleSpec): Cron {
  // Lists and ranges of hours are fixed times too: `30 2,14 * * *` runs once on the night that has two half past twos.
  return new Cron(cron, { timezone: timeZone, mode: '5-part', fixedTimeRule: 'no-wildcard' });
}

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
function withJitter(cron: Cron, spec: ScheduleSpec, seed: string, due: Date): Occurrence {
  const after = cron.nextRun(due);
  const room = after === null ? spec.jitterMs : (after.getTime() - due.getTime()) / 2;
  const draw = createHash('sha256').update(`${seed} ${due.toISOString()}`).digest().readUInt32BE(0) / 2 ** 32;
  return { due, startAt: new Date(due.getTime() + Math.floor(draw * Math.min(spec.jitterMs, room))) };
}

/**
 * Pure: what to run now, what was missed, and what comes next. After downtime, or a clock that jumped forward, the
 * newest missed occurrence runs once. A clock that jumped back runs nothing again. Both clock changes of the time zone
 * are croner's: a time that does not exist runs at the first one that does, a time that exists twice runs once.
 */
export function planSchedule(spec: ScheduleSpec, anchor: Anchor, now: Date): SchedulePlan {
  const cron = parse(spec);
  const wasWrong = anchor.handledUntil.getTime() > now.getTime() + believableJumpMs;
  let handled = wasWrong ? now : anchor.handledUntil;
  const first = cron.nextRun(handled);
  if (first !== null && first < now) {
    const second = cron.nextRun(first);
    const dense = second !== null && second.getTime() - first.getTime() < hour;
    handled = new Date(Math.max(handled.getTime(), now.getTime() - (dense ? day : lookBackMs)));
  }
  const started: Occurrence[] = [];
  let next: Occurrence | null = null;
  for (let due = cron.nextRun(handled); due !== null; due = cron.nextRun(due)) {
    const occurrence = withJitter(cron, spec, anchor.seed, due);
    if (occurrence.startAt > now) {
      next = occurrence;
      break;
    }
    started.push(occurrence);
  }
  const run = started.pop() ?? null;
  return { run, missed: started, next, handledUntil: run?.due ?? handled };
}
