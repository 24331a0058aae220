import type { RunRecord } from '../host/records.ts';
import { failureOf } from '../host/run.ts';
import { formatDuration } from '../kernel/units.ts';
import { deviationsAsText, foreignNext } from './drift-text.ts';
import { pairs, table } from './table.ts';
import type { When } from './when.ts';

/** One run, as a person reads it. */
export function runAsText(record: RunRecord, when: When): string {
  const { check, drift, changed, failed, deviations } = record;
  const seconds = (value: number | null) => (value === null ? null : formatDuration(value * 1_000));
  const facts = pairs([
    ['run', `${record.id}${kindOf(record)}`],
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
  return [
    facts,
    ...(rows.length === 0 || drift ? [] : [table(['role', 'task', 'status'], rows)]),
    ...failed.map(failureOf),
    ...(deviations.length === 0 ? [] : [deviationsAsText(deviations)]),
    ...(deviations.some(({ foreign }) => foreign) ? [`What is not Socle’s was left as it is: ${foreignNext}.`] : []),
  ].join('\n\n');
}

/** How a run that provisioned nothing is marked. */
export const kindOf = ({ check, drift, uninstall }: Pick<RunRecord, 'check' | 'drift' | 'uninstall'>): string =>
  uninstall ? ' (uninstall)' : drift ? ' (drift)' : check ? ' (check)' : '';
