import type { Clock } from '../kernel/clock.ts';
import { asSocleError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { readSecret } from '../kernel/secret.ts';
import type { OpsConfig } from '../platform/schema.ts';
import { call } from './http.ts';

const retryMs = 60_000;

/**
 * The external dead-man switch: a service elsewhere raises the alarm when our pings stop. They stop when a backup or a
 * drill is out of its target, and also when this daemon, its host or its network is gone.
 */
export class DeadMan {
  readonly #config: NonNullable<OpsConfig['heartbeat']>;
  readonly #healthy: () => boolean;
  readonly #clock: Clock;
  readonly #log: Log;
  #lastPing: number | null = null;
  #lastResult: 'sent' | 'withheld' | 'failed' | null = null;

  constructor(config: NonNullable<OpsConfig['heartbeat']>, healthy: () => boolean, clock: Clock, log: Log) {
    this.#config = config;
    this.#healthy = healthy;
    this.#clock = clock;
    this.#log = log;
  }

  /** Pings when it is time to and everything is within target. Never rejects. */
  async beat(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    if (this.#lastPing !== null && now - this.#lastPing < this.#config.every) return;
    if (!this.#healthy()) {
      this.#note('withheld', 'the external heartbeat is withheld: a backup or a drill is out of its target');
      return;
    }
    // One that fails is tried again within a minute, however seldom it is due.
    this.#lastPing = now - Math.max(0, this.#config.every - retryMs);
    try {
      await call({ method: 'GET', url: await readSecret(this.#config.url, signal), timeoutMs: 10_000, signal });
      this.#lastPing = now;
      this.#note('sent', 'the external heartbeat is sent');
    } catch (error) {
      if (!signal.aborted) this.#note('failed', `the external heartbeat failed: ${asSocleError(error).message}`);
    }
  }

  #note(result: 'sent' | 'withheld' | 'failed', text: string): void {
    if (result !== this.#lastResult) this.#log[result === 'sent' ? 'info' : 'warn'](text);
    this.#lastResult = result;
  }
}
