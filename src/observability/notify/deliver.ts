import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { OpsConfig } from '../../platform/schema.ts';
import { sendMail } from './mail.ts';
import type { Message } from './message.ts';
import type { Letter, Outbox } from './outbox.ts';
import { type Attempt, describeTarget, type Target, targetsOf } from './target.ts';
import { sendWebhook } from './webhook.ts';

/** Tries once to deliver a message. Never rejects, and has a limit of its own. */
export type Send = (message: Message, stop: AbortSignal) => Promise<Attempt>;

interface Ended {
  readonly letter: Letter;
  readonly at: Date;
  readonly attempt: Attempt;
}

/** Takes the letters of one target to it, in order. What another target does, or does not do, changes nothing here. */
export class Courier {
  readonly target: Target;
  readonly #send: Send;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #log: Log;
  /** An attempt that could not be written down yet: a disk that is full must not send the same mail twice. */
  #unwritten: Ended | null = null;

  constructor(target: Target, send: Send, outbox: Outbox, clock: Clock, log: Log) {
    this.target = target;
    this.#send = send;
    this.#outbox = outbox;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Delivers what is due, until nothing is, or the target does not take it.
   * @throws what the state database says when it cannot be read or written; the next round goes on from there
   */
  async deliver(signal: AbortSignal): Promise<void> {
    this.#writeDown();
    while (!signal.aborted) {
      const letter = this.#outbox.due(this.target, this.#clock.now());
      if (letter === undefined) return;
      const attempt = await this.#send(letter.message, signal);
      // Whether an interrupted one arrived is not known: it is tried again, under the same Message-ID.
      if (signal.aborted && attempt.end !== 'delivered') return;
      this.#unwritten = { letter, at: this.#clock.now(), attempt };
      this.#tell(letter, attempt);
      this.#writeDown();
    }
  }

  #writeDown(): void {
    if (this.#unwritten === null) return;
    const { letter, at, attempt } = this.#unwritten;
    this.#outbox.ended(letter, at, attempt);
    this.#unwritten = null;
  }

  #tell({ message, attempts }: Letter, attempt: Attempt): void {
    const { channel, recipient } = this.target;
    const about = { channel, recipient, id: message.id, attempt: attempts + 1 };
    if (attempt.end === 'delivered') this.#log.info(about, `told: ${message.title}`);
    else if (attempt.end === 'refused') this.#log.error(about, `refused for good, given up: ${attempt.reason}`);
    else this.#log.warn(about, `${describeTarget(this.target)} not delivered, tried again later: ${attempt.reason}`);
  }
}

/** A courier for everyone whom the platform file names. */
export function couriersOf(config: OpsConfig['notify'], outbox: Outbox, clock: Clock, log: Log): Courier[] {
  return targetsOf(config).map((target) => {
    const send: Send = async (message, stop) => {
      if (target.channel === 'mail' && config.mail) return sendMail(config.mail, target, message, stop);
      if (config.webhook) return sendWebhook(config.webhook, target, message, stop);
      return { end: 'refused', reason: 'the platform file no longer names this recipient' };
    };
    return new Courier(target, send, outbox, clock, log);
  });
}
