import type { Clock } from '../../kernel/clock.ts';
import { asSocleError } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { readSecret } from '../../kernel/secret.ts';
import type { OpsConfig } from '../../platform/schema.ts';
import { call } from '../http.ts';
import { type Message, mailText } from './message.ts';
import type { Channel, Outbox } from './outbox.ts';

type Send = (message: Message, signal: AbortSignal) => Promise<void>;
type MailConfig = NonNullable<OpsConfig['notify']['mail']>;
type WebhookConfig = NonNullable<OpsConfig['notify']['webhook']>;

const timeoutMs = 20_000;

function mailSender(config: MailConfig): Send {
  return async (message, signal) => {
    // Loaded when there is something to say: it would be a tenth of the daemon's memory.
    const { createTransport } = await import('nodemailer');
    const pass = config.password ? (await readSecret(config.password, signal)).reveal() : undefined;
    const transport = createTransport({
      host: config.host,
      port: config.port,
      secure: config.tls === 'tls',
      requireTLS: config.tls === 'starttls',
      ignoreTLS: config.tls === 'none',
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
      ...(config.user === undefined ? {} : { auth: { user: config.user, pass } }),
    });
    try {
      await transport.sendMail({
        from: config.from,
        to: config.to,
        subject: `[socle] ${message.title}`,
        text: mailText(message),
        messageId: `<${message.id}@${message.platform}.socle>`,
        date: new Date(message.at),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Socle-State': message.to },
      });
    } finally {
      transport.close();
    }
  };
}

function webhookSender(config: WebhookConfig): Send {
  return async (message, signal) => {
    const url = await readSecret(config.url, signal);
    const body = JSON.stringify({ type: 'socle.state-changed/1', ...message });
    await call({ method: 'POST', url, body, headers: { 'idempotency-key': message.id }, timeoutMs, signal });
  };
}

/** Takes messages from the outbox to where the operator reads them. A delivery that fails is tried again later. */
export class Notifier {
  readonly #outbox: Outbox;
  readonly #senders: ReadonlyMap<Channel, Send>;
  readonly #clock: Clock;
  readonly #log: Log;
  #running: Promise<void> | null = null;

  constructor(outbox: Outbox, config: OpsConfig['notify'], clock: Clock, log: Log) {
    const senders = new Map<Channel, Send>();
    if (config.mail) senders.set('mail', mailSender(config.mail));
    if (config.webhook) senders.set('webhook', webhookSender(config.webhook));
    this.#outbox = outbox;
    this.#senders = senders;
    this.#clock = clock;
    this.#log = log;
  }

  get channels(): Channel[] {
    return [...this.#senders.keys()];
  }

  /** Delivers what is due, each channel by itself: a mail server that hangs does not hold up the webhook. */
  deliver(signal: AbortSignal): Promise<void> {
    this.#running ??= Promise.all(
      [...this.#senders].map(([channel, send]) => this.#channel(channel, send, signal)),
    ).then(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #channel(channel: Channel, send: Send, signal: AbortSignal): Promise<void> {
    for (;;) {
      const letter = signal.aborted ? undefined : this.#outbox.due(channel, this.#clock.now());
      if (letter === undefined) return;
      try {
        await send(letter.message, signal);
        this.#outbox.delivered(letter.number, this.#clock.now());
        this.#log.info({ channel, id: letter.message.id }, `told: ${letter.message.title}`);
      } catch (error) {
        if (signal.aborted) return;
        const { message } = asSocleError(error);
        this.#outbox.failed(letter, this.#clock.now(), message);
        this.#log.warn({ channel, id: letter.message.id, attempt: letter.attempts + 1 }, `not delivered: ${message}`);
      }
    }
  }
}
