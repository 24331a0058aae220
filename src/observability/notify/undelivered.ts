import type { DatabaseSync } from 'node:sqlite';
import type { OpsConfig } from '../../platform/schema.ts';
import type { Notification, Outcome } from '../schema.ts';
import { migrateOutbox } from './outbox-tables.ts';
import { targetsOf } from './target.ts';

/** What is known of everyone whom the platform file names: how much waits, since when, why. */
export function notificationsOf(db: DatabaseSync, config: OpsConfig['notify']): Notification[] {
  migrateOutbox(db);
  const read = db.prepare(
    `SELECT count(*) FILTER (WHERE waits) AS waiting, min(created_at) FILTER (WHERE waits) AS since,
       max(attempts) FILTER (WHERE waits) AS attempts, max(delivered_at) AS delivered,
       (SELECT error FROM outbox WHERE channel = ?1 AND recipient = ?2 AND delivered_at IS NULL AND given_up_at IS NULL
          AND error IS NOT NULL ORDER BY number LIMIT 1) AS error
     FROM (SELECT *, delivered_at IS NULL AND given_up_at IS NULL AS waits FROM outbox
       WHERE channel = ?1 AND recipient = ?2)`,
  );
  // What was given up counts until a later letter has arrived.
  const lost = db.prepare(
    `SELECT count(*) AS refused, min(created_at) AS since,
       (SELECT error FROM outbox WHERE channel = ?1 AND recipient = ?2 AND given_up_at IS NOT NULL
          ORDER BY number DESC LIMIT 1) AS error
     FROM outbox WHERE channel = ?1 AND recipient = ?2 AND given_up_at IS NOT NULL
       AND number > coalesce((SELECT max(number) FROM outbox
         WHERE channel = ?1 AND recipient = ?2 AND delivered_at IS NOT NULL), 0)`,
  );
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return targetsOf(config).map(({ channel, recipient }): Notification => {
    const open = read.get(channel, recipient) ?? {};
    const given = lost.get(channel, recipient) ?? {};
    const [waiting, refused] = [Number(open.waiting ?? 0), Number(given.refused ?? 0)];
    const tried = Number(open.attempts ?? 0) > 0;
    return {
      channel,
      recipient,
      state: waiting > 0 && tried ? 'undelivered' : refused > 0 ? 'refused' : 'ok',
      waiting,
      refused,
      since: text(waiting > 0 ? open.since : given.since),
      lastDeliveredAt: text(open.delivered),
      error: text(open.error) ?? text(refused > 0 ? given.error : null),
    };
  });
}

/** One sentence, for a table or a log; null when all is well. */
export function undeliveredText({ state, waiting, refused, since, error }: Notification): string | null {
  const messages = (count: number) => (count === 1 ? '1 message' : `${count} messages`);
  if (state === 'ok') return null;
  const also = refused > 0 && state !== 'refused' ? `; ${messages(refused)} refused for good` : '';
  const what = state === 'refused' ? `${messages(refused)} refused for good` : `${messages(waiting)} not delivered`;
  return `${what} since ${since ?? 'now'}${also}: ${error ?? 'no answer yet'}`;
}

/** People who cannot be told do not make a backup bad, but somebody has to see it. */
export const outcomeOfNotification = ({ state }: Notification): Outcome => (state === 'ok' ? 'pass' : 'warn');
