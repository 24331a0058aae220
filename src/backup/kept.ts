import type { Clock } from '../kernel/clock.ts';
import type { Platform } from '../platform/schema.ts';
import type { BackupCatalog } from './catalog.ts';
import { planRetention } from './retention.ts';
import type { Backup } from './schema.ts';

/**
 * The catalog as it is shown: every backup with the rules of the policy that keep it now, DS-1's retention class. They
 * are not stored: each new backup, each drill and each change of the policy moves them.
 */
export function keptBackups(
  catalog: BackupCatalog,
  { backup: config, timezone }: Platform,
  clock: Clock,
): Pick<BackupCatalog, 'list' | 'get'> {
  const policy = config?.retention;
  const classified = (backups: Backup[]): Backup[] => {
    if (policy === undefined || backups.length === 0) return backups;
    const { rows } = planRetention(catalog.list(), policy, clock.now(), timezone);
    const classes = new Map(rows.map((row) => [row.backup.id, row.classes]));
    return backups.map((backup) => ({
      ...backup,
      retention: { ...backup.retention, class: [...(classes.get(backup.id) ?? [])] },
    }));
  };
  return {
    list: (filter) => classified(catalog.list(filter)),
    get(id) {
      const backup = catalog.get(id);
      return backup && classified([backup])[0];
    },
  };
}
