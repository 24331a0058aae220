import { checkDatabase, type DatabaseCheck } from '../database/check.ts';
import { exit } from '../kernel/errors.ts';
import { formatSize } from '../kernel/units.ts';
import { databaseNamed } from '../platform/databases.ts';
import { text } from './options.ts';
import { bad, good, warn } from './paint.ts';
import { pairs } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle database check` */
export const verb = define({
  options: { name: text('[name]', 'which database (needed when there are several)') },
  examples: ['socle database check shop', 'socle database check shop --json'],
  about:
    'Sees what would stand in the way of a backup and of a drill, without taking one.\n' +
    'Exit code 0: nothing does; 3: something does, and what to do is printed.',
  async run({ name }, session) {
    const platform = await session.platform();
    const { scratch } = await session.paths();
    const check = await checkDatabase(databaseNamed(platform, name), platform.drill.limits, scratch, session.signal);
    return { data: check, text: () => checkText(check), exit: check.ok ? exit.ok : exit.notProven };
  },
});

function checkText(check: DatabaseCheck): string {
  const either = (problems: readonly string[], fine: string) =>
    problems.length === 0 ? good(fine) : bad(problems.join('\n'));
  const facts = pairs([
    ['database', `${check.database}, PostgreSQL ${check.server}, ${formatSize(check.bytes)}`],
    ['programs', check.tools === null ? good('pg_dump of this version is installed') : bad(check.tools)],
    [
      'rights',
      either(
        check.unreadable.map(({ what }) => `cannot read ${what}`),
        'everything can be read',
      ),
    ],
    ['blind spots', check.blindSpots.length === 0 ? null : bad(check.blindSpots.join('\n'))],
    [
      'heartbeat',
      check.heartbeat ? good('can be written') : warn('cannot be written: data loss is measured by snapshots'),
    ],
    ['not Socle’s own', check.planted.length === 0 ? null : bad(check.planted.join('\n'))],
    ['drills', either(check.drill, 'can run on this machine')],
    ['notes', check.notes.join('\n') || null],
  ]);
  if (check.unreadable.length === 0) return facts;
  const sql = [...new Set(check.unreadable.map(({ fix }) => `  ${fix};`))].join('\n');
  return `${facts}\n\nAs a superuser in that database, run \`socle database grant ${check.database}\`, or just\n\n${sql}`;
}
