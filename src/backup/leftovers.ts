import type { DatabaseSync } from 'node:sqlite';
import { markInterruptedOperations } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { SocleError } from '../kernel/errors.ts';
import { BackupCatalog } from './catalog.ts';
import { describeBackup } from './describe.ts';
import { newBackup } from './new-backup.ts';
import { findDump, manifestsOf, readManifest } from './read-manifest.ts';
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

export const neverCompleted = 'the dump is in the vault and its manifest is not: it was never completed';

/**
 * Brings the catalog in line with what a crash left in the vault: a dump without a manifest is shown as `incomplete`,
 * and a backup that had been committed when its process ended is `good` after all. Backups that are running now are
 * left alone, and so is what a damaged file hides: nothing here stands in the way of the next backup. Returns the ids
 * of those it changed.
 */
export async function markLeftovers(catalog: BackupCatalog, vault: Vault, signal?: AbortSignal): Promise<string[]> {
  const { stored: all, unreadable } = await vault.survey(signal);
  const marked: string[] = [];
  // A manifest that cannot be read is not a manifest that is missing.
  for (const dump of unreadable.length > 0 ? [] : withoutManifest(all)) {
    const known = catalog.get(dump.id);
    // Only a failed one: it may run, or have been committed since the list was read.
    if (known && known.status !== 'failed') continue;
    const failure = known?.failure ?? { code: 'interrupted', message: neverCompleted };
    if (known) catalog.update(dump.id, () => ({ status: 'incomplete', failure }));
    else catalog.save({ ...newBackup(dump.id, dump.database, dump.time, false), status: 'incomplete', failure });
    marked.push(dump.id);
  }
  for (const record of manifestsOf(all).values()) {
    const known = catalog.get(record.id);
    if (known?.failure?.code !== 'interrupted') continue;
    const manifest = await readManifest(vault, record, signal).catch(unlessDamaged);
    if (manifest === null) continue;
    catalog.save(describeBackup(manifest, findDump(all, manifest) !== undefined, known));
    catalog.saveCounts(manifest.id, manifest.counts);
    marked.push(record.id);
  }
  return marked;
}

function unlessDamaged(error: unknown): null {
  if (error instanceof SocleError && (error.code === 'vault-damaged' || error.code === 'not-found')) return null;
  throw error;
}
