import type { RunRecord } from '../host/records.ts';
import { formatDuration } from '../kernel/units.ts';
import { pairs, table } from './table.ts';
import type { When } from './when.ts';

/** One run, as a person reads it. */
export function runAsText(record: RunRecord, when: When): string {
  const { check, changed, failed } = record;
  const seconds = (value: number | null) => (value === null ? null : formatDuration(value * 1_000));
  const facts = pairs([
    ['run', `${record.id}${check ? ' (check)' : ''}`],
    ['status', record.status],
    ['started', when(record.startedAt)],
    ['took', seconds(record.seconds)],
    ['by', `${record.actor}, SSH key ${record.key ?? 'unknown'}`],
    ['revision', record.revision],
    ['tasks', `${record.tasks}, ${check ? 'would change' : 'changed'} ${changed.length}, failed ${failed.length}`],
    [
      'roles',
      Object.entries(record.roles)
        .map(([role, value]) => `${role} ${seconds(value)}`)
        .join(', '),
    ],
  ]);
  const rows = [...failed, ...changed].map(({ role, task, status }) => [role, task, status]);
  return rows.length === 0 ? facts : `${facts}\n\n${table(['role', 'task', 'status'], rows)}`;
}
