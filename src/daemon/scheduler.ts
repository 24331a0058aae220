import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { JobKey, ScheduledRun, ScheduleStore } from '../observability/schedule-store.ts';
import type { JobResult } from './job-process.ts';
import { planSchedule, type ScheduleSpec } from './schedule.ts';

export interface SchedulerDeps {
  readonly store: ScheduleStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Does the work of one run. Never rejects. */
  readonly work: (run: ScheduledRun, signal: AbortSignal) => Promise<JobResult>;
  /** After a run began or ended. */
  readonly onChange?: () => void;
}

/** The clock may jump while a timer waits: it is looked at again after this much real time at the latest. */
const maxWaitMs = 60_000;
const deferMs = 60_000;
const maxAttempts = 3;
const retryMs = 5_000;

const keyOf = (spec: ScheduleSpec): JobKey => ({
  job: spec.job,
  kind: spec.kind,
  database: spec.database,
  pattern: `${spec.cron} ${spec.timeZone}`,
});

/**
 * Starts what is due, one job at a time: two heavy jobs at once would starve the host, and never two for one database.
 * What it knows is in the store, so that a crash loses nothing.
 */
export class Scheduler {
  readonly #specs: readonly ScheduleSpec[];
  readonly #deps: SchedulerDeps;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #current: Promise<void> | null = null;

  constructor(specs: readonly ScheduleSpec[], deps: SchedulerDeps) {
    this.#specs = specs;
    this.#deps = deps;
  }

  /** Takes up what a former process left, and begins to look at the clock. */
  start(): void {
    const { store, clock, log } = this.#deps;
    store.keepOnly(this.#specs.map((spec) => spec.job));
    for (const run of store.recover(clock.now(), maxAttempts)) {
      log.warn({ job: run.job, due: run.due }, 'a job was interrupted when Socle ended');
    }
    this.#look();
  }

  /** Ends the running job and waits for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#current;
  }

  /** One look at the clock: plans every schedule, queues what is due, starts the first in the queue when idle. */
  tick(): void {
    if (this.#stop.signal.aborted) return;
    try {
      for (const spec of this.#specs) this.#plan(spec);
      this.#startNext();
    } catch (error) {
      // A full disk or a locked database: nothing was decided, and the next look decides it.
      this.#deps.log.error({ reason: String(error) }, 'the schedule could not be written down; trying again');
    }
  }

  #plan(spec: ScheduleSpec): void {
    const { store, clock, log } = this.#deps;
    const now = clock.now();
    const key = keyOf(spec);
    const plan = planSchedule(spec, store.anchor(key, now), now);
    const nextAt = plan.next?.startAt ?? null;
    const known = store.nextAt(spec.job)?.getTime() === nextAt?.getTime();
    if (known && plan.run === null && plan.missed.length === 0) return;
    store.record(key, {
      run: plan.run?.due ?? null,
      missed: plan.missed.map((occurrence) => occurrence.due),
      nextAt,
      handledUntil: plan.handledUntil,
    });
    if (plan.missed.length > 0) log.warn({ job: spec.job, missed: plan.missed.length }, 'scheduled runs were missed');
  }

  #look(): void {
    this.tick();
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), this.#untilNext());
  }

  #untilNext(): number {
    const { store, clock } = this.#deps;
    const now = clock.now().getTime();
    const starts = this.#specs.map((spec) => (store.nextAt(spec.job)?.getTime() ?? Infinity) - now);
    return Math.max(250, Math.min(maxWaitMs, ...starts));
  }

  #startNext(): void {
    if (this.#current !== null) return;
    const { store, clock, onChange } = this.#deps;
    const run = store.nextQueued(clock.now());
    if (run === undefined) return;
    store.started(run.id, clock.now());
    this.#current = this.#work(run).then(() => {
      this.#current = null;
      onChange?.();
      this.tick();
    });
    onChange?.();
  }

  async #work(run: ScheduledRun): Promise<void> {
    const { clock, log, work } = this.#deps;
    log.info({ job: run.job, due: run.due }, 'job started');
    const began = clock.monotonic();
    const result = await work(run, this.#stop.signal);
    const level = result.state === 'ok' && result.detail === null ? 'info' : 'warn';
    const durationMs = Math.round(clock.monotonic() - began);
    log[level]({ job: run.job, state: result.state, durationMs }, result.detail ?? 'job ended');
    await this.#writeDown(run, result);
  }

  /** Until it is written: a disk that is full now need not be so in a while. */
  async #writeDown(run: ScheduledRun, { state, detail }: JobResult): Promise<void> {
    const { store, clock, log } = this.#deps;
    for (;;) {
      const now = clock.now();
      try {
        if (state === 'deferred') store.deferred(run.id, new Date(now.getTime() + deferMs), detail ?? 'busy');
        else store.finished(run.id, state, now, detail);
        return;
      } catch (error) {
        log.error({ job: run.job, reason: String(error) }, 'how the job ended could not be written down; trying again');
        if (this.#stop.signal.aborted) return;
        await setTimeoutPromise(retryMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      }
    }
  }
}
