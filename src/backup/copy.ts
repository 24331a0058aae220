import { recordOperation } from '../governance/operations.ts';
import { fail } from '../kernel/errors.ts';
import { acquireLock } from '../kernel/lock.ts';
import { BackupCatalog } from './catalog.ts';
import type { VaultDeps } from './deps.ts';
import { manifestsOf } from './read-manifest.ts';
import type { Stored } from './vault.ts';

export interface CopyResult {
  /** The second vault. */
  readonly address: string;
  /** Snapshots that were copied now. */
  readonly copied: number;
  /** Ids of the backups that both vaults hold. */
  readonly backups: readonly string[];
}

/**
 * Copies what the second vault lacks: committed backups, reports and state. Commit records go last, so that a copy
 * that was interrupted does not count.
 * @throws `busy`, `not-found` without a second vault, `vault-…`
 */
export async function copyVault(request: { readonly actor: string }, deps: VaultDeps): Promise<CopyResult> {
  const { db, clock, vault, copy, progress, signal } = deps;
  if (!copy) {
    throw fail('not-found', 'the platform has no second vault', { next: 'add `backup.copy` to the platform file' });
  }
  using _lock = acquireLock(db, 'copy of the vault');
  const operation = { action: 'vault.copy', actor: request.actor, subject: copy.address };
  return await recordOperation(db, clock, operation, async () => {
    const lacking = planCopy(await vault.list(signal, true), await copy.list(signal, true));
    for (const snapshots of [lacking.data, lacking.records]) {
      if (snapshots.length > 0) progress.step(`copying ${snapshots.length} snapshots to ${copy.address}`);
      await vault.copyTo(
        copy,
        snapshots.map(({ snapshot }) => snapshot),
        signal,
      );
    }
    const backups = markCopied(await copy.list(signal, true), deps);
    return { address: copy.address, copied: lacking.data.length + lacking.records.length, backups };
  });
}

/** Pure. What the other vault lacks: first the data, then the records that make it count. */
function planCopy(
  here: readonly Stored[],
  there: readonly Stored[],
): { readonly data: readonly Stored[]; readonly records: readonly Stored[] } {
  const key = ({ item, id, tree }: Stored) => `${item} ${id} ${tree}`;
  const known = new Set(there.map(key));
  const isRecord = ({ item }: Stored) => item === 'manifest' || item === 'datastore-manifest';
  const committed = new Set(here.filter(isRecord).map(({ id }) => id));
  const needsRecord = ({ item }: Stored) => item === 'dump' || item === 'datastore';
  const lacking = here.filter((one) => !known.has(key(one)) && (!needsRecord(one) || committed.has(one.id)));
  return { data: lacking.filter((one) => !isRecord(one)), records: lacking.filter(isRecord) };
}

/** Writes down which backups the second vault holds. */
function markCopied(there: readonly Stored[], { db, clock }: VaultDeps): string[] {
  const catalog = new BackupCatalog(db);
  const dumps = new Set(there.filter(({ item }) => item === 'dump').map(({ id }) => id));
  const present = new Set([...manifestsOf(there).keys()].filter((id) => dumps.has(id)));
  const at = clock.now().toISOString();
  for (const { id, copiedAt } of catalog.list()) {
    if (present.has(id) !== (copiedAt !== null)) catalog.update(id, () => ({ copiedAt: present.has(id) ? at : null }));
  }
  return [...present].sort();
}
