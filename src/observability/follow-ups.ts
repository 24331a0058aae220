import type { Operation } from '../governance/schema.ts';
import type { SuccessRate } from './schema.ts';
import { believableAheadMs, type Facts } from './states.ts';

/** What follows a backup and is not the backup: the audit trail says how it went, whoever started it. */
export const followUpActions = { copies: 'vault.copy', retention: 'backup.prune' } as const;
export type FollowUp = keyof typeof followUpActions;

const words: Readonly<Record<FollowUp, string>> = { copies: 'copy to the second vault', retention: 'retention' };

/**
 * Facts about the copies to the second vault, or about retention. A database whose newest run failed is what is shown:
 * a success of another one does not hide it.
 * @param operations of the action, newest first
 */
export function followUpFacts(
  kind: FollowUp,
  operations: readonly Operation[],
  options: { readonly scheduled: boolean; readonly targetMs: number | null },
  now: Date,
): Facts & { lastDurationMs: number | null } {
  const over = operations.filter(
    ({ result, startedAt }) =>
      (result === 'ok' || result === 'failed') && Date.parse(startedAt) <= now.getTime() + believableAheadMs,
  );
  const newest = new Map(over.toReversed().map((operation) => [operation.subject, operation]));
  const failed = over.find((operation) => operation.result === 'failed' && newest.get(operation.subject) === operation);
  const same = (operation: Operation) => failed === undefined || operation.subject === failed.subject;
  const good = over.find((operation) => operation.result === 'ok' && same(operation));
  const subject = kind === 'retention' && failed?.subject ? `${failed.subject}: ` : '';
  return {
    what: words[kind],
    scheduled: options.scheduled,
    targetMs: options.targetMs,
    lastSuccessAt: good ? new Date(good.startedAt) : null,
    lastFailure: failed
      ? {
          at: new Date(failed.finishedAt ?? failed.startedAt),
          reason: `${subject}${failed.failure?.message ?? 'for a reason not recorded'}`,
        }
      : null,
    missedTarget: null,
    untested: null,
    lastDurationMs: good?.durationMs ?? null,
  };
}

/** Of the runs of 30 days, by hand as well: how many went well. Null when there was none. */
export function followUpRate(operations: readonly Operation[], since: Date): SuccessRate | null {
  const over = operations.filter(
    ({ result, startedAt }) => result !== 'running' && Date.parse(startedAt) > since.getTime(),
  );
  if (over.length === 0) return null;
  const succeeded = over.filter(({ result }) => result === 'ok').length;
  return { expected: over.length, succeeded, missed: 0, rate: succeeded / over.length };
}
