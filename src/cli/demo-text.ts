import { damage } from '../demo/damage.ts';
import type { DemoResult } from '../demo/demo.ts';
import { formatDuration, formatSize } from '../kernel/units.ts';
import { drillText } from './drill-text.ts';
import { bad, faint, good, strong } from './paint.ts';
import { pairs, table } from './table.ts';

const number = new Intl.NumberFormat('en');

/** The short report at the end of the demo. */
export function demoText(result: DemoResult): string {
  const parts = [
    strong('1. The backup'),
    backupText(result),
    strong('2. The drill: restored onto an empty server, and compared with the source'),
    drillText(result.drill, true),
    strong(`3. The same again, with one cent added to one of ${number.format(result.sample.rows)} rows of the copy`),
    damageText(result),
    strong(result.kept ? '4. To try while it runs' : '4. What the daemon answered'),
    tryText(result),
    verdictText(result),
  ];
  return `${parts.join('\n\n')}\n`;
}

function backupText({ sample, backup, postgres }: DemoResult): string {
  const { size, timings } = backup;
  return pairs([
    [
      'database',
      `${formatSize(sample.bytes)}, ${number.format(sample.rows)} rows in ${sample.tables} tables, PostgreSQL ${postgres}`,
    ],
    ['backup', backup.id],
    [
      'in the vault',
      size && `${formatSize(size.logical)} dumped, ${formatSize(size.added)} added, encrypted and deduplicated`,
    ],
    [
      'took',
      timings &&
        `${formatDuration(timings.total)}: dump ${formatDuration(timings.dump)}, read back ${formatDuration(timings.readBack)}, inventory ${formatDuration(timings.inventory)}`,
    ],
    ['warnings', backup.warnings.join('\n') || null],
  ]);
}

function damageText({ damage: { proof, named, durationMs } }: DemoResult): string {
  const lines = proof.differences.map(({ object, row, column, expected, found }) =>
    [`${object}, row ${row ?? '?'}, column ${column ?? '?'}`, expected === null ? null : `${expected} became ${found}`]
      .filter((part) => part !== null)
      .join(': '),
  );
  const { order, line } = damage.row;
  return pairs([
    ['damage', `${damage.table}, order=${order}, line=${line}, column ${damage.column}`],
    ['proof', named ? good('fails, and names exactly that') : bad('did not name exactly that')],
    ['difference', lines.slice(0, 10).join('\n') || 'none'],
    ['took', formatDuration(durationMs)],
  ]);
}

function tryText({ answers, kept, html, platformFile }: DemoResult): string {
  const rows = answers.map(({ url, about, status }) => [`curl -s ${url}`, String(status ?? 'no answer'), faint(about)]);
  const more = pairs([
    ['report page', html],
    ['command line', kept ? `./bin/socle --config ${platformFile} status` : null],
  ]);
  return [table(['request', 'answer', 'about'], rows), more].filter((part) => part !== '').join('\n\n');
}

function verdictText({ ok, kept, durationMs, pid }: DemoResult): string {
  const took = formatDuration(durationMs);
  const verdict = ok
    ? good(`The restore was proven identical to the source, and the damage was found and named, in ${took}.`)
    : bad(`The demo did not show what it is there to show (${took}): see above.`);
  const end = kept
    ? `The daemon and its database go on. To stop both and leave nothing behind: Ctrl-C here, or kill ${pid}`
    : 'Everything that was started has ended and is removed. To keep the daemon running: make demo KEEP=1';
  return `${verdict}\n${end}`;
}
