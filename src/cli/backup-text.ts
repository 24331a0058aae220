import type { Backup } from '../backup/schema.ts';
import { formatDuration, formatSize } from '../kernel/units.ts';
import { bad, faint, good, warn } from './paint.ts';
import { pairs, table } from './table.ts';
import type { When } from './when.ts';

const statusPaint = { good, incomplete: warn, failed: bad, damaged: bad, running: faint };
const proofPaint = {
  unproven: faint,
  restored: warn,
  'identical-to-artifact': good,
  'identical-to-source': good,
  mismatch: bad,
};

const proof = ({ proof: { status } }: Backup) => proofPaint[status](status.replaceAll('-', ' '));

/** One line per backup. @param hasCopy there is a second vault: which backups are in it is shown */
export function backupTable(backups: readonly Backup[], when: When, hasCopy = false): string {
  if (backups.length === 0) return 'no backups yet: `socle backup run` takes one';
  return table(
    [
      'id',
      'database',
      'snapshot',
      'status',
      'size',
      'added',
      'took',
      'proof',
      ...(hasCopy ? ['copied'] : []),
      'kept as',
    ],
    backups.map((backup) => [
      backup.id,
      backup.database,
      when(backup.timestamp),
      statusPaint[backup.status](backup.status),
      backup.size ? formatSize(backup.size.logical) : '',
      backup.size ? formatSize(backup.size.added) : '',
      backup.durationMs === null ? '' : formatDuration(backup.durationMs),
      proof(backup),
      ...(hasCopy ? [backup.copiedAt === null ? warn('not yet') : 'yes'] : []),
      backup.retention.held ? `held: ${backup.retention.held}` : backup.retention.class.join(', '),
    ]),
    [4, 5, 6],
  );
}

/** Everything about one. */
export function backupText(backup: Backup, when: When): string {
  const check = (one: Backup['integrity']['data']) =>
    one ? `${one.result} at ${when(one.at)}${one.detail ? `: ${one.detail}` : ''}` : 'not yet';
  const { timings, versions } = backup;
  const { drill, at } = backup.proof;
  return pairs([
    ['backup', backup.id],
    ['database', backup.database],
    ['status', statusPaint[backup.status](backup.status)],
    ['failure', backup.failure ? `${backup.failure.message} (${backup.failure.code})` : null],
    ['snapshot', when(backup.timestamp)],
    [
      'size',
      backup.size ? `${formatSize(backup.size.logical)}, the vault grew by ${formatSize(backup.size.added)}` : null,
    ],
    ['contents', backup.rows === null ? null : `${backup.tables ?? 0} tables, ${backup.rows} rows`],
    ['took', backup.durationMs === null ? null : formatDuration(backup.durationMs)],
    [
      'of which',
      timings &&
        `inventory ${formatDuration(timings.inventory)}, dump ${formatDuration(timings.dump)}, read-back ${formatDuration(timings.readBack)}`,
    ],
    ['deep', backup.deep ? 'yes: every table was hashed on the source' : 'no'],
    ['proof', proof(backup) + (drill !== null && at !== null ? ` by ${drill} at ${when(at)}` : '')],
    ['presence', check(backup.integrity.presence)],
    ['structure', check(backup.integrity.structure)],
    ['data', check(backup.integrity.data)],
    ['copied', backup.copiedAt === null ? 'no' : when(backup.copiedAt)],
    ['kept as', backup.retention.class.join(', ') || null],
    ['held', backup.retention.held],
    [
      'versions',
      versions &&
        `server ${versions.server}, pg_dump ${versions.pgDump}, restic ${versions.restic}, socle ${versions.socle}`,
    ],
    ['missing', backup.missing.length > 0 ? bad(backup.missing.join('\n')) : null],
    ['warnings', backup.warnings.length > 0 ? warn(backup.warnings.join('\n')) : null],
  ]);
}
