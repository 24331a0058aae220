import type { Backup } from '../backup/schema.ts';
import { fail } from '../kernel/errors.ts';

export interface DrillChoice {
  readonly database?: string | undefined;
  /** Id of one backup; the newest good one without it. */
  readonly backup?: string | undefined;
  /** Only a backup whose tables were hashed on the source will do. */
  readonly deep: boolean;
  /** One that lacks something will do as well: for a restore, and never for a proof. */
  readonly incomplete?: boolean | undefined;
}

/**
 * The backup to restore: the one named, else the newest good one.
 * @param backups of all databases
 * @param databases names in the platform file
 * @throws `not-found`, `usage`, `no-backup`
 */
export function chooseBackup(
  backups: readonly Backup[],
  databases: readonly string[],
  { database, backup: id, deep, incomplete = false }: DrillChoice,
): Backup {
  if (id !== undefined) return named(backups, id, deep, incomplete);
  const name = database ?? (databases.length === 1 ? databases[0] : undefined);
  if (name === undefined) {
    throw fail('usage', `name one of the databases: ${databases.join(', ')}`, {
      databases,
      next: 'add --database NAME',
    });
  }
  if (!databases.includes(name) && !backups.some((backup) => backup.database === name)) {
    throw fail('not-found', `there is no database ${name} in the platform file, and no backup of one`, { databases });
  }
  const good = backups
    .filter((backup) => backup.database === name && (backup.status === 'good' || (incomplete && hasManifest(backup))))
    .sort((a, b) => b.timestamp.localeCompare(a.timestamp));
  const chosen = deep ? good.find((backup) => backup.deep) : good[0];
  if (chosen !== undefined) return chosen;
  if (deep && good.length > 0) throw notDeep(`no backup of ${name} holds hashes of the source`, name);
  throw fail('no-backup', `there is no good backup of ${name}`, {
    database: name,
    ...(backups.some((backup) => backup.database === name && hasManifest(backup)) ? { next: asItIs } : {}),
  });
}

/** What it lacks is known, and all else is there: such a backup is still data. */
const hasManifest = ({ status, missing }: Backup) => status === 'incomplete' && missing.length > 0;

const asItIs = '`socle restore --incomplete` restores what an incomplete backup has, and names what it lacks';

function named(backups: readonly Backup[], id: string, deep: boolean, incomplete: boolean): Backup {
  const backup = backups.find((one) => one.id === id);
  if (backup === undefined) throw fail('not-found', `there is no backup ${id}`, { backup: id });
  // A damaged one may be tried again: that is how one learns that it is whole after all.
  if (backup.status !== 'good' && backup.status !== 'damaged' && !(incomplete && hasManifest(backup))) {
    throw fail('no-backup', whyNot(backup), {
      backup: id,
      status: backup.status,
      missing: backup.missing,
      ...nextFor(backup),
    });
  }
  if (deep && !backup.deep) throw notDeep(`the backup ${id} holds no hashes of the source`, backup.database);
  return backup;
}

function whyNot(backup: Backup): string {
  if (hasManifest(backup)) return `the backup ${backup.id} is incomplete: it lacks ${backup.missing.join(', ')}`;
  return `the backup ${backup.id} is ${backup.status}: it was never completed`;
}

function nextFor(backup: Backup): { next?: string } {
  if (hasManifest(backup)) return { next: asItIs };
  const byHand = 'its dump may be in the vault: "A dump without a manifest" in docs/runbooks/restore-by-hand.md';
  return backup.status === 'incomplete' ? { next: byHand } : {};
}

function notDeep(message: string, database: string) {
  return fail('no-backup', message, {
    database,
    next: `take one with \`socle backup run --database ${database} --deep\`, or run the drill without --deep`,
  });
}
