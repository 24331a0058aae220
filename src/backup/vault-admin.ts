import type { DatabaseSync } from 'node:sqlite';
import { recordOperation } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { isOnThisHost } from '../platform/off-host.ts';
import { localOnlySentence, type Platform } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import type { VaultDeps } from './deps.ts';
import { manifestsOf } from './read-manifest.ts';
import type { CheckResult, Vault } from './vault.ts';
import { identifyVault } from './vault-identity.ts';

export interface VaultRequest {
  readonly platform: Platform;
  readonly actor: string;
}

/**
 * Production backups are worth nothing when they burn together with the host.
 * @throws `vault-local-only` for a `prod` platform without a vault elsewhere, unless it says so in so many words
 */
export function requireOffHost({ environment, backup }: Platform): void {
  if (environment !== 'prod' || !backup) return;
  const repositories = [backup.vault, ...(backup.copy ? [backup.copy] : [])].map(({ repository }) => repository);
  if (!repositories.every(isOnThisHost) || backup.local_only === localOnlySentence) return;
  throw fail('vault-local-only', 'this is a production platform, and its vault is on this host alone', {
    next: `add a vault elsewhere as \`backup.copy\`, or write \`local_only: "${localOnlySentence}"\` in \`backup\``,
  });
}

/** An empty vault in the place of one that vanished would look as if all were well. @throws `vault-gone` */
async function requireNotGone({ db, vault, signal }: VaultDeps): Promise<void> {
  const good = new BackupCatalog(db).list().filter(({ status }) => status === 'good').length;
  if (good === 0) return;
  await vault.list(signal).catch((error) => {
    if (!(error instanceof SocleError) || error.code !== 'vault-absent') throw error;
    throw fail('vault-gone', `there is no vault at ${vault.address}, and the catalog knows ${good} good backups in it`);
  });
}

export interface InitRequest extends VaultRequest {
  /** Make an empty vault although the catalog knows backups. */
  readonly anew: boolean;
}

export interface InitResult {
  readonly vaults: ReadonlyArray<{ readonly address: string; readonly created: boolean }>;
}

/**
 * Creates the vault, and the second one cut in the same pieces so that copies take their space only once. A vault that
 * is there, and opens with its password, stays as it is.
 * @throws `vault-local-only`, `vault-gone`, `vault-…`
 */
export async function initVault(request: InitRequest, deps: VaultDeps): Promise<InitResult> {
  requireOffHost(request.platform);
  if (!request.anew) await requireNotGone(deps);
  const { vault, copy, signal } = deps;
  return record(request, deps, 'vault.init', vault, async () => {
    const vaults = [{ address: vault.address, created: await vault.init(signal) }];
    if (copy) vaults.push({ address: copy.address, created: await copy.init(signal, vault) });
    for (const one of copy ? [vault, copy] : [vault]) await identifyVault(deps.db, one, deps.clock.now(), signal);
    return { vaults };
  });
}

/** What one vault holds, and whether its structure is whole. */
export interface VaultReport {
  readonly address: string;
  readonly local: boolean;
  readonly snapshots: number;
  readonly backups: number;
  readonly structure: CheckResult;
}

/** Opens each vault, counts what is ours and checks its structure. @throws `vault-…` */
export async function checkVault(request: VaultRequest, deps: VaultDeps): Promise<VaultReport[]> {
  const { vault, copy, signal } = deps;
  return record(request, deps, 'vault.check', vault, async () => {
    const reports: VaultReport[] = [];
    for (const one of copy ? [vault, copy] : [vault]) {
      deps.progress.step(`checking ${one.address}`);
      const stored = await one.list(signal);
      reports.push({
        address: one.address,
        local: one.local,
        snapshots: stored.length,
        backups: manifestsOf(stored).size,
        structure: await one.check(undefined, signal),
      });
    }
    return reports;
  });
}

/**
 * Adds a second key to every vault, for the recovery kit: it opens them when the password of the host is lost.
 * @param passwordFile file whose content is the new password
 * @returns the keys' ids by vault
 */
export async function addVaultKey(
  request: VaultRequest & { readonly passwordFile: string; readonly label: string },
  deps: VaultDeps,
): Promise<ReadonlyArray<{ readonly address: string; readonly key: string }>> {
  const { vault, copy, signal } = deps;
  return record(request, deps, 'vault.add-key', vault, async () => {
    const added = [];
    for (const one of copy ? [vault, copy] : [vault]) {
      added.push({ address: one.address, key: await one.addKey(request.passwordFile, request.label, signal) });
    }
    return added;
  });
}

const record = <T>(
  { actor }: VaultRequest,
  { db, clock }: { db: DatabaseSync; clock: Clock },
  action: string,
  vault: Vault,
  work: () => Promise<T>,
): Promise<T> => recordOperation(db, clock, { action, actor, subject: vault.address }, work);
