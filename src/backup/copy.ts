import { recordOperation } from '../governance/operations.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { acquireLock } from '../kernel/lock.ts';
import { BackupCatalog } from './catalog.ts';
import type { VaultDeps } from './deps.ts';
import { manifestsOf } from './read-manifest.ts';
import type { Stored, Vault } from './vault.ts';

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
    const lacking = planCopy(await vault.list(signal), await copy.list(signal));
    const failed = new Map<string, SocleError>();
    for (const snapshots of [lacking.data, lacking.records]) {
      // A record makes its data count: it does not go where the data could not.
      const going = snapshots.filter(({ id }) => !failed.has(id));
      if (going.length > 0) progress.step(`copying ${going.length} snapshots to ${copy.address}`);
      for (const [id, error] of await copySparing(going, vault, copy, signal)) failed.set(id, error);
    }
    const backups = markCopied(await copy.list(signal), deps);
    if (failed.size > 0) throw damagedHere(failed, vault.address, copy.address, backups.length);
    return { address: copy.address, copied: lacking.data.length + lacking.records.length, backups };
  });
}

/** Copies all at once, and one by one where something of them is damaged: the others must not wait for its repair. */
async function copySparing(
  snapshots: readonly Stored[],
  vault: Vault,
  copy: Vault,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, SocleError>> {
  const failed = new Map<string, SocleError>();
  const send = (some: readonly Stored[]) =>
    vault.copyTo(
      copy,
      some.map(({ snapshot }) => snapshot),
      signal,
    );
  try {
    await send(snapshots);
  } catch (error) {
    if (!isDamage(error)) throw error;
    for (const one of snapshots) {
      await send([one]).catch((reason: unknown) => {
        if (!isDamage(reason)) throw reason;
        failed.set(one.id, reason);
      });
    }
  }
  return failed;
}

const isDamage = (error: unknown): error is SocleError => error instanceof SocleError && error.code === 'vault-damaged';

function damagedHere(failed: ReadonlyMap<string, SocleError>, from: string, to: string, held: number): SocleError {
  const [[, first] = []] = failed;
  const ids = [...failed.keys()];
  return fail(
    'vault-damaged',
    `${ids.join(', ')} could not be copied from ${from}: damaged there (${first?.message}). All others are in ${to}, which holds ${held} backups`,
    { ...first?.details, failed: ids, next: first?.details.next },
  );
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
