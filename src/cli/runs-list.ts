import { readRecords } from '../host/records.ts';
import { formatDuration } from '../kernel/units.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { kindOf } from './run-text.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle runs list` */
export const verb = define({
  options: { identity, hostKey },
  examples: ['socle runs list', 'socle runs list --json'],
  about: 'The provisioning runs that the host has on record, newest first: who, when, what changed.',
  async run(values, session) {
    const { target, way, signal } = await connect(session, values);
    const records = await readRecords(target, way, signal);
    const rows = records.map((record) => [
      record.id,
      `${record.status}${kindOf(record)}`,
      record.seconds === null ? '' : formatDuration(record.seconds * 1_000),
      String(record.changed.length),
      String(record.failed.length),
      record.actor,
      record.revision?.slice(0, 10) ?? '',
    ]);
    const heads = ['run', 'status', 'took', 'changed', 'failed', 'by', 'revision'];
    return { data: records, text: () => (rows.length === 0 ? 'there was no run yet' : table(heads, rows, [3, 4])) };
  },
});
