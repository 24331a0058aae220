import type { DatabaseSync } from 'node:sqlite';
import { markInterruptedOperations } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { BackupCatalog } from './catalog.ts';
import { newBackup } from './new-backup.ts';
import type { Stored, Vault } from './vault.ts';

/** To be called at every start: what says `running` though its process is gone has failed. Returns the backups' ids. */
export function markInterrupted(db: DatabaseSync, clock: Clock): string[] {
  markInterruptedOperations(db, clock);
  return new BackupCatalog(db).markInterrupted(clock);
}

/** Dumps in the vault that no manifest names: left by a crash, they look good to restic and count for nothing. */
export function withoutManifest(stored: readonly Stored[]): Stored[] {
  const committed = new Set(stored.filter(({ item }) => item === 'manifest').map(({ id }) => id));
  return stored.filter(({ item, id }) => item === 'dump' && !committed.has(id));
}

const reason = 'the dump is in the vault and its manifest is not: it was never completed';

/** Shows such dumps as `incomplete` in the catalog, but for backups that are running now. Returns their ids. */
export async function markLeftovers(catalog: BackupCatalog, vault: Vault, signal?: AbortSignal): Promise<string[]> {
  const marked: string[] = [];
  for (const dump of withoutManifest(await vault.list(signal))) {
    const known = catalog.get(dump.id);
    if (known?.status === 'running' || known?.status === 'incomplete') continue;
    const failure = known?.failure ?? { code: 'interrupted', message: reason };
    if (known) catalog.update(dump.id, () => ({ status: 'incomplete', failure }));
    else catalog.save({ ...newBackup(dump.id, dump.database, dump.time, false), status: 'incomplete', failure });
    marked.push(dump.id);
  }
  return marked;
}
