import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { JobKey, ScheduledRun, ScheduleStore } from '../observability/schedule-store.ts';
import type { JobResult } from './job-process.ts';
import { planSchedule, type ScheduleSpec } from './schedule.ts';

export interface SchedulerDeps {
  readonly store: ScheduleStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Does the work of one run. */
  readonly work: (run: ScheduledRun, signal: AbortSignal) => Promise<JobResult>;
  /** After a run began or ended. */
  readonly onChange?: () => void;
  /** Asks for a look at the clock soon. */
  readonly wake?: () => void;
}

interface Ended {
  readonly run: ScheduledRun;
  readonly result: JobResult;
}

/** The clock may jump while a timer waits: it is looked at again after this much real time at the latest. */
const maxWaitMs = 60_000;
const deferMs = 60_000;
const maxAttempts = 3;

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
  #recovered = false;
  #current: Promise<void> | null = null;
  /** How a job ended that could not be written down yet: the disk that is full now need not be so in a while. */
  #unwritten: Ended | null = null;

  constructor(specs: readonly ScheduleSpec[], deps: SchedulerDeps) {
    this.#specs = specs;
    this.#deps = deps;
  }

  /** Takes up what a former process left. */
  #recover(): void {
    if (this.#recovered) return;
    const { store, clock, log } = this.#deps;
    store.keepOnly(this.#specs.map((spec) => spec.job));
    for (const run of store.recover(clock.now(), maxAttempts)) {
      log.warn({ job: run.job, due: run.due }, 'a job was interrupted when Socle ended');
    }
    this.#recovered = true;
  }

  /** Ends the running job and waits for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#current;
  }

  /**
   * One look at the clock: plans every schedule, queues what is due, starts the first in the queue when idle.
   * @throws what the store throws, such as for a full disk or a locked database: nothing was decided then, and the next
   *   look decides it
   */
  tick(): void {
    if (this.#stop.signal.aborted) return;
    this.#recover();
    this.#writeDown();
    for (const spec of this.#specs) this.#plan(spec);
    this.#startNext();
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

  /** Milliseconds until the next look is due. */
  untilNext(): number {
    const { store, clock } = this.#deps;
    const now = clock.now().getTime();
    const starts = this.#specs.map((spec) => (store.nextAt(spec.job)?.getTime() ?? Infinity) - now);
    return Math.max(250, Math.min(maxWaitMs, ...starts));
  }

  #startNext(): void {
    if (this.#current !== null || this.#unwritten !== null) return;
    const { store, clock, onChange } = this.#deps;
    const run = store.nextQueued(clock.now());
    if (run === undefined) return;
    store.started(run.id, clock.now());
    this.#current = this.#work(run).then((result) => {
      this.#current = null;
      this.#unwritten = { run, result };
      this.#goOn();
    });
    onChange?.();
  }

  /** After a job: what fails here is for the next look, and for whoever shows how the looks go. */
  #goOn(): void {
    try {
      this.#writeDown();
      this.#deps.onChange?.();
      this.tick();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#deps.log.error({ reason }, 'how a job ended could not be written down; trying again');
      this.#deps.wake?.();
    }
  }

  /** Never rejects: a job that could not even be begun has failed. */
  async #work(run: ScheduledRun): Promise<JobResult> {
    const { clock, log, work } = this.#deps;
    log.info({ job: run.job, due: run.due }, 'job started');
    const began = clock.monotonic();
    const result = await (async () => work(run, this.#stop.signal))().catch((error: unknown): JobResult => {
      return { state: 'failed', detail: error instanceof Error ? error.message : String(error) };
    });
    const level = result.state === 'ok' && result.detail === null ? 'info' : 'warn';
    const durationMs = Math.round(clock.monotonic() - began);
    log[level]({ job: run.job, state: result.state, durationMs }, result.detail ?? 'job ended');
    return result;
  }

  #writeDown(): void {
    if (this.#unwritten === null) return;
    const { store, clock } = this.#deps;
    const { run, result } = this.#unwritten;
    const now = clock.now();
    if (result.state === 'deferred') store.deferred(run.id, new Date(now.getTime() + deferMs), result.detail ?? 'busy');
    else store.finished(run.id, result.state, now, result.detail);
    this.#unwritten = null;
  }
}
