import type { OpsConfig } from '../../platform/schema.ts';

/** Someone who is told: each has an order, a state and a back-off of its own. */
export interface Target {
  readonly channel: 'mail' | 'webhook';
  /** The mail address, or `webhook`: its URL is a secret. */
  readonly recipient: string;
}

/** How one attempt to deliver one message ended. */
export type Attempt =
  | { readonly end: 'delivered' }
  /** For good: another try would get the same answer. */
  | { readonly end: 'refused'; readonly reason: string }
  /**
   * For now. `message`: the server answered, and to this message only. `target`: nothing can be said to this target, such
   * as when its server is away.
   */
  | { readonly end: 'put off'; readonly reason: string; readonly about: 'message' | 'target' };

/** Everyone whom the platform file names, once. */
export function targetsOf({ mail, webhook }: OpsConfig['notify']): Target[] {
  const to = [...new Set(mail?.to ?? [])];
  return [
    ...to.map((recipient) => ({ channel: 'mail' as const, recipient })),
    ...(webhook ? [{ channel: 'webhook' as const, recipient: 'webhook' }] : []),
  ];
}

/** For messages: `mail to ops@example.org`, `the webhook`. */
export const describeTarget = ({ channel, recipient }: Target): string =>
  channel === 'mail' ? `mail to ${recipient}` : 'the webhook';

/** A server's answer in one line, without control characters, short enough for a table. */
export const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);
