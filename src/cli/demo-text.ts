import { damage } from '../demo/damage.ts';
import type { DemoResult } from '../demo/demo.ts';
import { formatDuration, formatSize } from '../kernel/units.ts';
import { differenceText } from './drill-text.ts';
import { bad, faint, good, strong } from './paint.ts';
import { pairs, table } from './table.ts';

/** The report of `socle demo`. */
export function demoText(result: DemoResult): string {
  const { sample, backup, drill, damage: damaged } = result;
  const size = backup.size;
  const proof = drill.proof;
  const facts = pairs([
    [
      'database',
      `${sample.tables} tables, ${sample.rows} rows, ${formatSize(sample.bytes)}, PostgreSQL ${result.postgres}`,
    ],
    [
      'backup',
      `${backup.status} in ${formatDuration(backup.durationMs ?? 0)}` +
        (size ? `: ${formatSize(size.logical)} dumped, the vault grew by ${formatSize(size.added)}` : ''),
    ],
    ['drill', `${drill.verdict}${drill.level ? `, ${drill.level.replaceAll('-', ' ')}` : ''}`],
    [
      'recovery time',
      drill.recoveryTime &&
        `${formatDuration(drill.recoveryTime.ms)} (target ${formatDuration(drill.recoveryTime.targetMs)})`,
    ],
    [
      'data loss',
      drill.dataLoss &&
        `${formatDuration(drill.dataLoss.ms)} (target ${formatDuration(drill.dataLoss.targetMs)}), measured by ${drill.dataLoss.measuredBy}`,
    ],
  ]);
  const tables = proof
    ? table(
        ['table', 'rows', 'size', 'artifact', 'source'],
        proof.tables.map((one) => [
          one.name,
          String(one.rows),
          formatSize(one.bytes),
          mark(one.result),
          mark(one.source),
        ]),
        [1, 2],
      )
    : '';
  const objects = (proof?.checks ?? []).map((check) => `${check.name} ${check.count}`).join(', ');
  const found = damaged.proof.differences.map((one) => `  ${bad(one.problem)}  ${differenceText(one)}`).join('\n');
  return [
    facts,
    tables,
    `compared besides: ${objects}`,
    `${strong('Then one value was changed in a restored copy')}  ${faint(damage.sql)}\n${
      damaged.named ? good('The proof failed, and named it:') : bad('The proof did not name it:')
    }\n${found}`,
    endText(result),
  ].join('\n\n');
}

function mark(result: string | null): string {
  if (result === 'identical') return good(result);
  return result === 'different' ? bad(result) : faint(result ?? 'not hashed');
}

function endText(result: DemoResult): string {
  const lines = result.answers.map(
    ({ url, about, status }) =>
      `  curl -s ${url}  ${faint(`# ${about}${status === 200 ? '' : ` (${status ?? 'no answer'})`}`)}`,
  );
  const page = result.html === null ? [] : [`The report of the drill as a page: ${result.html}`];
  const verdict = result.ok
    ? good('The restore was proven and the damage was found.')
    : bad('This demo did not show what it promises.');
  const took = `${verdict} ${formatDuration(result.durationMs)} in all.`;
  if (!result.kept) {
    return [
      ...page,
      took,
      'Everything was removed again. `make demo KEEP=1` leaves the daemon running, for these:',
      ...lines,
    ].join('\n');
  }
  return [
    ...page,
    took,
    'The daemon runs. Try',
    ...lines,
    `  ./bin/socle status --config ${result.platformFile}`,
    `Stop it with Ctrl-C here, or \`kill ${result.pid}\`: everything is removed then.`,
  ].join('\n');
}
