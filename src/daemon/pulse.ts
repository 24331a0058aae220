import type { Clock } from '../kernel/clock.ts';
import { withDeadline } from '../kernel/deadline.ts';
import { debugging, stackOf } from '../kernel/debug.ts';
import type { Log } from '../kernel/log.ts';
import { formatDuration } from '../kernel/units.ts';

/** Work that is repeated in the background, and never beside itself. */
export interface PulseSpec {
  /** Unique: it names the pulse in the log, the metrics and `socle status`. */
  readonly name: string;
  /** Milliseconds from the end of one run to the begin of the next; asked anew after each run. */
  readonly everyMs: number | (() => number);
  /** A run that takes longer has failed. It is asked to end, and left behind when it does not. */
  readonly deadlineMs: number;
  readonly work: (signal: AbortSignal) => void | Promise<void>;
}

export interface Pulse {
  /** Runs now, unless it is running. */
  now(): void;
}

/** What is known of one pulse; times are ISO 8601 in UTC. */
export interface PulseState {
  readonly name: string;
  readonly lastSuccessAt: string | null;
  /** Milliseconds since then, by a clock that never jumps; null before the first success. */
  readonly ageMs: number | null;
  /** Null while it goes well. */
  readonly failing: { readonly since: string; readonly reason: string; readonly ms: number } | null;
}

/** For tests: what happens before the work of a pulse. It may throw, reject or hang. */
export type Fault = (pulse: string, signal: AbortSignal) => void | Promise<void>;

export interface PulseDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly fault?: Fault | undefined;
  /** All waits are divided by this; default 1. Tests make a day short. */
  readonly pace?: number | undefined;
}

/** What failed is tried again after this, also where a run is due only once a day. */
const retryMs = 60_000;
/** Runs that neither ended nor heeded their deadline: with one more, no further one is started until one ends. */
const mostLeftBehind = 2;

/** All loops of the daemon: each survives its own failure, has a deadline, and shows how it is. */
export class Pulses {
  readonly #deps: PulseDeps;
  readonly #beats = new Map<string, Beat>();
  readonly #stop = new AbortController();

  constructor(deps: PulseDeps) {
    this.#deps = deps;
  }

  /** Begins a pulse at once. */
  add(spec: PulseSpec): Pulse {
    if (this.#beats.has(spec.name)) throw new Error(`there are two pulses of the name ${spec.name}`);
    const beat = new Beat(spec, this.#deps, this.#stop.signal);
    this.#beats.set(spec.name, beat);
    beat.now();
    return beat;
  }

  list(): PulseState[] {
    return [...this.#beats.values()].map((beat) => beat.state());
  }

  /** Runs one now, unless it is running. */
  now(name: string): void {
    this.#beats.get(name)?.now();
  }

  /** Ends all of them: their work is asked to end. Resolves when it has, however long that takes. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#beats.values()].map((beat) => beat.ended()));
  }

  /** Names of those whose work has not ended yet. */
  underWay(): string[] {
    return [...this.#beats.values()].filter((beat) => beat.isUnderWay()).map((beat) => beat.name);
  }
}

class Beat implements Pulse {
  readonly #spec: PulseSpec;
  readonly #deps: PulseDeps;
  readonly #stop: AbortSignal;
  readonly #work = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #success: { at: Date; monotonic: number } | null = null;
  #failing: { since: Date; monotonic: number; reason: string } | null = null;

  constructor(spec: PulseSpec, deps: PulseDeps, stop: AbortSignal) {
    this.#spec = spec;
    this.#deps = deps;
    this.#stop = stop;
    stop.addEventListener('abort', () => clearTimeout(this.#timer), { once: true });
  }

  get name(): string {
    return this.#spec.name;
  }

  now(): void {
    if (this.#running || this.#stop.aborted) return;
    clearTimeout(this.#timer);
    this.#running = true;
    void this.#once().then(() => {
      this.#running = false;
      if (!this.#stop.aborted) this.#timer = setTimeout(() => this.now(), this.#wait());
    });
  }

  state(): PulseState {
    const now = this.#deps.clock.monotonic();
    return {
      name: this.name,
      lastSuccessAt: this.#success?.at.toISOString() ?? null,
      ageMs: this.#success && now - this.#success.monotonic,
      failing: this.#failing && {
        since: this.#failing.since.toISOString(),
        reason: this.#failing.reason,
        ms: now - this.#failing.monotonic,
      },
    };
  }

  isUnderWay(): boolean {
    return this.#work.size > 0;
  }

  async ended(): Promise<void> {
    await Promise.allSettled(this.#work);
  }

  /** One run; never rejects. */
  async #once(): Promise<void> {
    const { clock, pace = 1 } = this.#deps;
    try {
      if (this.#work.size > mostLeftBehind) throw new Error(`${this.#work.size} runs before this one still hang`);
      await withDeadline({ ms: this.#spec.deadlineMs / pace, what: 'it', stop: this.#stop }, (signal) =>
        this.#start(signal),
      );
      if (this.#failing !== null) {
        const lasted = formatDuration(clock.monotonic() - this.#failing.monotonic);
        this.#deps.log.info({ pulse: this.name }, `${this.name} goes on, after ${lasted}`);
      }
      this.#failing = null;
      this.#success = { at: clock.now(), monotonic: clock.monotonic() };
    } catch (error) {
      if (!this.#stop.aborted) this.#failed(error);
    }
  }

  /** The work, kept until it has really ended: a deadline does not end what does not heed it. */
  #start(signal: AbortSignal): Promise<void> {
    const { fault } = this.#deps;
    const work = (async () => {
      if (fault) await fault(this.name, signal);
      await this.#spec.work(signal);
    })();
    this.#work.add(work);
    const forget = () => {
      this.#work.delete(work);
    };
    void work.then(forget, forget);
    return work;
  }

  #failed(error: unknown): void {
    const { clock, log } = this.#deps;
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#failing?.reason !== reason) {
      const stack = debugging() ? { stack: stackOf(error) } : {};
      log.error({ pulse: this.name, reason, ...stack }, `${this.name} failed; trying again`);
    }
    const { since, monotonic } = this.#failing ?? { since: clock.now(), monotonic: clock.monotonic() };
    this.#failing = { since, monotonic, reason };
  }

  /** Asking how long to wait can fail as the work did; then it is a failure too, and not the end. */
  #wait(): number {
    const { pace = 1 } = this.#deps;
    const { everyMs } = this.#spec;
    try {
      const every = typeof everyMs === 'number' ? everyMs : everyMs();
      return (this.#failing === null ? every : Math.min(every, retryMs)) / pace;
    } catch (error) {
      this.#failed(error);
      return retryMs / pace;
    }
  }
}
