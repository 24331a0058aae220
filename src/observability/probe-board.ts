import type { Clock } from '../kernel/clock.ts';
import { asSocleError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { formatDuration } from '../kernel/units.ts';
import type { Component, Outcome } from './schema.ts';

export interface Finding {
  readonly status: Outcome;
  /** One sentence, without secrets. */
  readonly detail: string;
  readonly measured?: Readonly<Record<string, number>>;
}

/** Looks at one component. It should heed `signal`; the board does not wait for it past the timeout either way. */
export interface Probe {
  readonly name: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  check(signal: AbortSignal): Finding | Promise<Finding>;
}

interface Entry {
  readonly probe: Probe;
  last: (Finding & { at: Date; monotonic: number; durationMs: number }) | null;
  /** Since when the newest check is under way; null when it has ended or was left behind. */
  pending: { readonly since: number } | null;
  /** Checks that neither ended nor heeded their timeout. */
  leftBehind: number;
}

/** One check may be lost for good; while a second one hangs, too, none is started. */
const mostLeftBehind = 1;

/** How the board has its rounds repeated: by the daemon's own loops. */
export interface Rounds {
  add(round: { name: string; everyMs: number; deadlineMs: number; work: () => Promise<void> }): unknown;
}

/** A result may be this old: two rounds may be late, a third one is not. */
const maxAgeOf = (probe: Probe) => 2 * probe.everyMs + probe.timeoutMs;

/**
 * Runs every probe in the background, on its own beat, and keeps its last result with its age. Reading never waits:
 * a dependency that hangs makes an old result, and a result that is too old is a failure.
 */
export class ProbeBoard {
  readonly #entries: Map<string, Entry>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stop = new AbortController();

  constructor(probes: readonly Probe[], clock: Clock, log: Log) {
    this.#entries = new Map(probes.map((probe) => [probe.name, { probe, last: null, pending: null, leftBehind: 0 }]));
    this.#clock = clock;
    this.#log = log;
  }

  /** Begins the rounds: one loop per probe, so that none waits for another. */
  start(rounds: Rounds): void {
    for (const entry of this.#entries.values()) {
      const { name, everyMs, timeoutMs } = entry.probe;
      // The board's own timeout comes first; the deadline of the loop is for what even that does not end.
      rounds.add({ name: `probe:${name}`, everyMs, deadlineMs: 2 * timeoutMs, work: () => this.#check(entry) });
    }
  }

  /** Asks running checks to end; does not wait for one that hangs. */
  stop(): void {
    this.#stop.abort();
  }

  list(): Component[] {
    return [...this.#entries.values()].map((entry) => this.#component(entry));
  }

  get(name: string): Component | undefined {
    const entry = this.#entries.get(name);
    return entry && this.#component(entry);
  }

  /** Checks one component now, unless a check of it is under way. Resolves when the result is in, or its time is up. */
  async refresh(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry) await this.#check(entry);
  }

  #component({ probe, last }: Entry): Component {
    const base = { name: probe.name, maxAgeMs: maxAgeOf(probe) };
    if (last === null) {
      const none = { checkedAt: null, ageMs: null, durationMs: null, measured: {} };
      return { ...base, ...none, status: 'fail', detail: 'not checked yet' };
    }
    const ageMs = Math.round(this.#clock.monotonic() - last.monotonic);
    const tooOld = ageMs > base.maxAgeMs;
    return {
      ...base,
      status: tooOld ? 'fail' : last.status,
      detail: tooOld ? `the last result is ${formatDuration(ageMs)} old: ${last.detail}` : last.detail,
      checkedAt: last.at.toISOString(),
      ageMs,
      durationMs: last.durationMs,
      measured: { ...last.measured },
    };
  }

  async #check(entry: Entry): Promise<void> {
    const { probe } = entry;
    const began = this.#clock.monotonic();
    if (entry.pending) return;
    if (entry.leftBehind > mostLeftBehind) {
      this.#keep(entry, { status: 'fail', detail: 'the checks before this one have still not ended' }, 0);
      return;
    }
    const elapsed = () => Math.round(this.#clock.monotonic() - began);
    const timeout = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, timeout.signal]);
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<Finding>((resolve) => {
      timer = setTimeout(() => {
        timeout.abort();
        resolve({ status: 'fail', detail: `no answer within ${formatDuration(probe.timeoutMs)}` });
      }, probe.timeoutMs);
    });
    const work = (async () => probe.check(signal))().catch((error: unknown): Finding => {
      return { status: 'fail', detail: asSocleError(error).message };
    });
    const pending = { since: began };
    entry.pending = pending;
    void work.then(() => {
      if (entry.pending === pending) entry.pending = null;
      else entry.leftBehind -= 1;
    });
    const finding = await Promise.race([work, timeUp]);
    clearTimeout(timer);
    if (entry.pending === pending) {
      entry.pending = null;
      entry.leftBehind += 1;
    }
    if (!this.#stop.signal.aborted) this.#keep(entry, finding, elapsed());
  }

  #keep(entry: Entry, finding: Finding, durationMs: number): void {
    if (entry.last?.status !== finding.status) {
      const level = finding.status === 'pass' ? 'info' : 'warn';
      this.#log[level]({ component: entry.probe.name, status: finding.status }, finding.detail);
    }
    entry.last = { ...finding, at: this.#clock.now(), monotonic: this.#clock.monotonic(), durationMs };
  }
}
