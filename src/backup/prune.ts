import { recordOperation } from '../governance/operations.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import { acquireLock } from '../kernel/lock.ts';
import type { Platform } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import { unreadableSnapshots } from './damage.ts';
import type { VaultDeps } from './deps.ts';
import { planRetention, type RetentionPlan } from './retention.ts';
import type { Backup } from './schema.ts';
import type { Stored, Vault } from './vault.ts';

export interface PruneRequest {
  readonly platform: Platform;
  /** Only of this database. */
  readonly database?: string | undefined;
  readonly actor: string;
  /** Make the plan and touch nothing. */
  readonly dryRun: boolean;
}

export interface PruneDeps extends VaultDeps {
  /** Drills of a backup: their reports leave the vault together with it. */
  readonly drillsOf?: ((backup: string) => readonly string[]) | undefined;
  /** Shown before anything is removed. */
  readonly onPlan?: ((plan: RetentionPlan) => void) | undefined;
}

export interface PruneResult {
  readonly plan: RetentionPlan;
  /** Ids of the backups that are gone. */
  readonly removed: readonly string[];
  /** Bytes that the vault shrank by, the second one not counted. */
  readonly freedBytes: number;
  readonly warnings: readonly string[];
}

/**
 * Applies the retention policy: makes the plan, shows it, removes what it removes from the vaults and the catalog.
 * @throws `busy`, `vault-…`; nothing half-removed is offered for restore then, and the next run goes on
 */
export async function prune(request: PruneRequest, deps: PruneDeps): Promise<PruneResult> {
  const { db, clock } = deps;
  const policy = request.platform.backup?.retention;
  if (!policy) throw fail('config-invalid', 'the platform has no `backup` section, and so no retention');
  const catalog = new BackupCatalog(db);
  const plan = () =>
    planRetention(catalog.list({ database: request.database }), policy, clock.now(), request.platform.timezone);
  if (request.dryRun) return { plan: plan(), removed: [], freedBytes: 0, warnings: [] };

  using _lock = acquireLock(db, 'retention');
  const subject = request.database ?? null;
  return await recordOperation(db, clock, { action: 'backup.prune', actor: request.actor, subject }, async () => {
    const decided = plan();
    deps.onPlan?.(decided);
    return { plan: decided, ...(await applyRetention(decided, catalog, deps)) };
  });
}

/** Carries a plan out. */
async function applyRetention(
  plan: RetentionPlan,
  catalog: BackupCatalog,
  deps: PruneDeps,
): Promise<Omit<PruneResult, 'plan'>> {
  const { vault, copy, progress, signal } = deps;
  const leaving = plan.rows.filter(({ keep }) => !keep).map(({ backup }) => backup);
  if (leaving.length === 0) return { removed: [], freedBytes: 0, warnings: [] };

  for (const one of [vault, ...(copy ? [copy] : [])]) await requireReadable(one, signal);
  // From here on none of them is offered for restore, whatever happens.
  for (const { id } of leaving) {
    catalog.update(id, () => ({
      status: 'incomplete',
      failure: { code: 'interrupted', message: 'its removal was begun: run `socle backup prune` again' },
    }));
  }
  const warnings: string[] = [];
  try {
    if (copy) {
      progress.step(`removing ${leaving.length} backups from ${copy.address}`);
      await removeFrom(copy, leaving, deps).catch((error: unknown) => {
        const { code, message } = asSocleError(error);
        // A second vault that only takes is a wise one: what is old stays there.
        if (code !== 'vault-denied') throw error;
        warnings.push(`nothing was removed from the second vault: ${message}`);
      });
    }
    progress.step(`removing ${leaving.length} backups from ${vault.address}`);
    const freedBytes = await removeFrom(vault, leaving, deps);
    for (const { id } of leaving) catalog.remove(id);
    return { removed: leaving.map(({ id }) => id), freedBytes, warnings };
  } catch (error) {
    await putBack(leaving, catalog, vault, signal).catch(() => {});
    throw refusedRemoval(error, vault.address);
  }
}

/** A vault that only takes is a wise one: nothing is wrong with the backups. */
function refusedRemoval(error: unknown, address: string): unknown {
  const { code, message, details } = asSocleError(error);
  if (code !== 'vault-denied') return error;
  return fail(
    code,
    `old backups could not be removed from ${address}; every backup is still there and good: ${message}`,
    {
      ...details,
      next: 'if the vault is append-only on purpose, remove old backups on its server; docs/runbooks/retention-failing.md has both ways',
    },
    error,
  );
}

/** restic prunes nothing while it does not know what every snapshot needs. @throws `vault-damaged`, before anything is touched */
async function requireReadable(vault: Vault, signal: AbortSignal | undefined): Promise<void> {
  const { unreadable } = await vault.survey(signal, true);
  if (unreadable.length > 0)
    throw unreadableSnapshots(vault.address, unreadable, ': nothing is removed before a repair');
}

/** The manifests go first: a dump without one does not count. */
async function removeFrom(vault: Vault, leaving: readonly Backup[], deps: PruneDeps): Promise<number> {
  const ids = new Set(leaving.map(({ id }) => id));
  const drills = new Set(leaving.flatMap(({ id }) => deps.drillsOf?.(id) ?? []));
  const stored = await vault.list(deps.signal);
  const rank = ({ item }: Stored) => (item === 'manifest' ? 0 : 1);
  const snapshots = stored
    .filter(({ item, id }) => (item === 'report' ? drills.has(id) : item !== 'state' && ids.has(id)))
    .sort((a, b) => rank(a) - rank(b))
    .map(({ snapshot }) => snapshot);
  return snapshots.length === 0 ? 0 : vault.remove(snapshots, deps.signal);
}

/** The removal failed: what still has its manifest and its dump is what it was. */
async function putBack(
  leaving: readonly Backup[],
  catalog: BackupCatalog,
  vault: Vault,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stored = await vault.list(signal?.aborted ? undefined : signal);
  for (const backup of leaving) {
    const has = (item: Stored['item']) => stored.some((one) => one.item === item && one.id === backup.id);
    if (has('manifest') && has('dump')) {
      // The second vault may have lost it already; the next copy looks there itself.
      catalog.update(backup.id, () => ({ status: backup.status, failure: backup.failure, copiedAt: null }));
    }
  }
}
