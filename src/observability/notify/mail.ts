import { withDeadline } from '../../kernel/deadline.ts';
import { readSecret } from '../../kernel/secret.ts';
import type { OpsConfig } from '../../platform/schema.ts';
import { type Message, mailText } from './message.ts';
import { type Attempt, describeTarget, oneLine, type Target } from './target.ts';

type MailConfig = NonNullable<OpsConfig['notify']['mail']>;

/** Milliseconds: for connecting and greeting, for silence between two answers, and for one delivery in all. */
export interface MailLimits {
  readonly setup: number;
  readonly silence: number;
  readonly total: number;
}

const usual: MailLimits = { setup: 20_000, silence: 20_000, total: 60_000 };

/** What nodemailer adds to its errors: the server's answer, and where it failed. */
interface MailError {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
}

/** Login refused, encryption demanded: that is about our settings, which can be corrected, and not about the message. */
const aboutSettings: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/**
 * What an answer of a mail server means for the message (RFC 5321, 4.2.1): 5yz to an envelope or its data is for good,
 * 4yz for now. Before that the server speaks about the connection, and 421 always means that.
 */
export function judgeMail(error: unknown, duringSend: boolean): Attempt {
  const { responseCode, code, response, message } = error as Error & MailError;
  const reason = oneLine(response && !message.includes(response) ? `${message}: ${response}` : message);
  // An address that is none, or a text that is too long: nodemailer does not even send it.
  const unsendable = duringSend && response === undefined && (code === 'EENVELOPE' || code === 'EMESSAGE');
  if (unsendable) return { end: 'refused', reason };
  const answered = duringSend && responseCode !== undefined && responseCode >= 400 && responseCode !== 421;
  if (!answered || aboutSettings.has(responseCode)) return { end: 'put off', about: 'target', reason };
  return responseCode >= 500 ? { end: 'refused', reason } : { end: 'put off', about: 'message', reason };
}

/** Delivers one message to one recipient, over a connection of its own. Never rejects, and never outlives its limits. */
export async function sendMail(
  config: MailConfig,
  target: Target,
  message: Message,
  stop: AbortSignal,
  limits: MailLimits = usual,
): Promise<Attempt> {
  let duringSend = false;
  try {
    await withDeadline({ ms: limits.total, what: describeTarget(target), stop }, async (signal) => {
      // Loaded when there is something to say: it would be a tenth of the daemon's memory.
      const { default: SMTPConnection } = await import('nodemailer/lib/smtp-connection');
      const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
      const pass = config.password ? (await readSecret(config.password, signal)).reveal() : undefined;
      const mail = new MailComposer({
        from: config.from,
        to: target.recipient,
        subject: `[socle] ${message.title}`,
        text: mailText(message),
        messageId: `<${message.id}@${message.platform}.socle>`,
        date: new Date(message.at),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Socle-State': message.to },
        disableFileAccess: true,
        disableUrlAccess: true,
      }).compile();
      const [envelope, text] = [mail.getEnvelope(), await mail.build()];
      signal.throwIfAborted();
      const connection = new SMTPConnection({
        host: config.host,
        port: config.port,
        secure: config.tls === 'tls',
        requireTLS: config.tls === 'starttls',
        ignoreTLS: config.tls === 'none',
        connectionTimeout: limits.setup,
        greetingTimeout: limits.setup,
        dnsTimeout: limits.setup,
        socketTimeout: limits.silence,
        socketCloseTimeout: 0,
      });
      const close = () => connection.close();
      signal.addEventListener('abort', close, { once: true });
      try {
        await new Promise<void>((resolve, reject) => {
          connection.once('error', reject);
          connection.once('end', () => reject(new Error('the connection was closed before the mail was taken')));
          connection.connect((error) => {
            if (error) return reject(error);
            const send = () => {
              duringSend = true;
              connection.send(envelope, text, (failure) => (failure ? reject(failure) : resolve()));
            };
            if (config.user === undefined) send();
            else connection.login({ user: config.user, pass }, (failure) => (failure ? reject(failure) : send()));
          });
        });
        connection.on('error', () => {});
        connection.quit();
      } finally {
        signal.removeEventListener('abort', close);
        connection.on('error', () => {});
        connection.close();
      }
    });
    return { end: 'delivered' };
  } catch (error) {
    return judgeMail(error, duringSend);
  }
}
