import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/units.ts';
import type { Status } from '../observability/schema.ts';
import { collectStatus } from '../observability/status.ts';
import type { Platform } from '../platform/schema.ts';

/** However quiet it is, time alone makes backups overdue. */
const maxAgeMs = 10_000;
const tooOldMs = 60_000;

/** The status last collected: again when another process has written to the state database, or time has passed. */
export class StatusKeeper {
  readonly #collect: () => Status;
  readonly #version: () => number;
  readonly #clock: Clock;
  #status: Status;
  #at: number;
  #seen: number;

  constructor(platform: Platform, db: DatabaseSync, clock: Clock) {
    const version = db.prepare('PRAGMA data_version');
    this.#version = () => Number(version.get()?.data_version);
    this.#collect = () => collectStatus(platform, db, clock);
    this.#clock = clock;
    this.#seen = this.#version();
    this.#status = this.#collect();
    this.#at = clock.monotonic();
  }

  /** @throws `state-unusable` when it could not be collected for a minute */
  current(): Status {
    const age = this.#clock.monotonic() - this.#at;
    if (age <= tooOldMs) return this.#status;
    throw fail('state-unusable', `the state database could not be read for ${formatDuration(age)}`);
  }

  /** The last one, however old: for what must always answer. */
  last(): Status {
    return this.#status;
  }

  /** Collects anew when there is reason to, or always with `force`. Returns whether it did. */
  refresh(force = false): boolean {
    const seen = this.#version();
    if (!force && seen === this.#seen && this.#clock.monotonic() - this.#at < maxAgeMs) return false;
    this.#status = this.#collect();
    this.#seen = seen;
    this.#at = this.#clock.monotonic();
    return true;
  }
}
