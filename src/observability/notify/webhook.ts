import { withDeadline } from '../../kernel/deadline.ts';
import { asSocleError } from '../../kernel/errors.ts';
import { readSecret } from '../../kernel/secret.ts';
import type { OpsConfig } from '../../platform/schema.ts';
import { call } from '../http.ts';
import type { Message } from './message.ts';
import { type Attempt, describeTarget, oneLine, type Target } from './target.ts';

type WebhookConfig = NonNullable<OpsConfig['notify']['webhook']>;

const usualMs = 20_000;

/** Answers about the document itself (RFC 9110): the same document gets the same answer again. */
const aboutDocument: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** Delivers one document. Never rejects, and never outlives its limit. */
export async function sendWebhook(
  config: WebhookConfig,
  target: Target,
  message: Message,
  stop: AbortSignal,
  limitMs = usualMs,
): Promise<Attempt> {
  try {
    await withDeadline({ ms: limitMs, what: describeTarget(target), stop }, async (signal) => {
      const url = await readSecret(config.url, signal);
      const body = JSON.stringify({ type: 'socle.state-changed/1', ...message });
      const headers = { 'idempotency-key': message.id };
      await call({ method: 'POST', url, body, headers, timeoutMs: limitMs, signal });
    });
    return { end: 'delivered' };
  } catch (error) {
    const { message: text, details } = asSocleError(error);
    const [reason, status] = [oneLine(text), Number(details?.status)];
    if (aboutDocument.has(status)) return { end: 'refused', reason };
    // A wrong address or token, too, is the target's: it can be corrected, and meets every document.
    return { end: 'put off', about: status >= 500 || status === 429 ? 'message' : 'target', reason };
  }
}
