import type { DatabaseSync } from 'node:sqlite';
import { recordOperation } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import { BackupCatalog } from './catalog.ts';
import type { Backup } from './schema.ts';

/**
 * Lets retention decide again about a backup that was held since tables shrank after it.
 * @throws `not-found`, `usage` when it is not held
 */
export async function releaseBackup(
  { id, actor }: { readonly id: string; readonly actor: string },
  { db, clock }: { readonly db: DatabaseSync; readonly clock: Clock },
): Promise<Backup> {
  return recordOperation(db, clock, { action: 'backup.release', actor, subject: id }, async () => {
    const catalog = new BackupCatalog(db);
    const backup = catalog.get(id);
    if (!backup) throw fail('not-found', `there is no backup ${id} in the catalog`, { id });
    if (backup.retention.held === null) {
      throw fail('usage', `${id} is not held`, { id, next: 'see which backups are held: `socle backup list`' });
    }
    return catalog.update(id, ({ retention }) => ({ retention: { ...retention, held: null } })) ?? backup;
  });
}
