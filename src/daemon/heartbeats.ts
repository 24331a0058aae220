import { connect } from '../database/connect.ts';
import { newestHeartbeat, writeHeartbeat } from '../database/heartbeat.ts';
import { asSocleError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import type { DatabaseConfig } from '../platform/schema.ts';

const timeoutMs = 10_000;

/**
 * Writes the time into each database, so that a restored copy shows how much would have been lost. A database that
 * cannot be written to is no failure: then the snapshot's time counts. It is said once, and again when it changes.
 */
export class Heartbeats {
  readonly #databases: readonly DatabaseConfig[];
  readonly #log: Log;
  readonly #said = new Map<string, string>();

  constructor(databases: readonly DatabaseConfig[], log: Log) {
    this.#databases = databases;
    this.#log = log;
  }

  /** One round over all databases. Never rejects. */
  async write(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#databases.map((database) => this.#one(database, signal)));
  }

  async #one({ name, connection }: DatabaseConfig, stop: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
    try {
      const client = await connect(connection, signal);
      try {
        await writeHeartbeat(client);
        const known = this.#said.has(name) || (await newestHeartbeat(client)) !== null;
        if (!known) this.#say(name, 'there is no heartbeat table that may be written to');
        else if (this.#said.get(name) !== 'there is no heartbeat table that may be written to') this.#said.delete(name);
      } finally {
        await client.end();
      }
    } catch (error) {
      if (!stop.aborted) this.#say(name, asSocleError(error).message);
    }
  }

  #say(name: string, reason: string): void {
    if (this.#said.get(name) === reason) return;
    this.#said.set(name, reason);
    const meaning = 'data loss is measured by the time of the snapshot instead';
    this.#log.warn({ database: name, reason }, `no heartbeat is written: ${meaning}; see \`socle database grant\``);
  }
}
