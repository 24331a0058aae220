import { recordOperation } from '../governance/operations.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { acquireLock } from '../kernel/lock.ts';
import type { Platform } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import type { VaultDeps } from './deps.ts';
import { IntegrityStore, type VaultCheck } from './integrity-store.ts';
import { findDump, manifestsOf, readDumpBack, readManifest } from './read-manifest.ts';
import type { Backup } from './schema.ts';
import type { Stored, Vault } from './vault.ts';

export interface VerifyRequest {
  readonly platform: Platform;
  /** `cli:<user>` or `scheduler`. */
  readonly actor: string;
  /** Read this backup back whole, instead of the next part of the vault. */
  readonly backup?: string | undefined;
}

/** What FR22's checks found. */
export interface Verification {
  /** Everything that was checked is whole. */
  readonly ok: boolean;
  readonly vaults: readonly VaultCheck[];
  /** The backups that were looked at, as they are known now. */
  readonly backups: readonly Backup[];
  /** Ids of those that are damaged. */
  readonly damaged: readonly string[];
}

type Integrity = Backup['integrity'];

/**
 * Checks the backups: their presence in the vault, restic's structure, and the next part of all data in rotation; with
 * `backup`, that one is read back whole. What is damaged is marked, and a damaged one that reads well is good again.
 * @throws `not-found`, `busy`, `vault-…` when the vault cannot be looked at, which says nothing about its backups
 */
export async function verifyVault(request: VerifyRequest, deps: VaultDeps): Promise<Verification> {
  const { db, clock, vault } = deps;
  using _lock = acquireLock(db, 'verification of the vault');
  const operation = { action: 'backup.verify', actor: request.actor, subject: request.backup ?? vault.address };
  return await recordOperation(db, clock, operation, () => new Verifier(request, deps).run());
}

class Verifier {
  readonly #request: VerifyRequest;
  readonly #deps: VaultDeps;
  readonly #catalog: BackupCatalog;
  readonly #store: IntegrityStore;

  constructor(request: VerifyRequest, deps: VaultDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#catalog = new BackupCatalog(deps.db);
    this.#store = new IntegrityStore(deps.db);
  }

  async run(): Promise<Verification> {
    const { vault, copy, progress, signal } = this.#deps;
    const stored = await vault.list(signal, true);
    const chosen = this.#chosen();
    progress.step('looking for each backup in the vault');
    for (const backup of chosen) await this.#presence(vault, stored, backup);
    if (this.#request.backup !== undefined) {
      await this.#readBack(stored, chosen);
      return this.#result([], chosen);
    }
    const checks = [await this.#check(vault)];
    // Which backups are hit is known only by reading them: rare, and worth the time.
    if (!checks[0]?.ok) await this.#readBack(stored, chosen);
    if (copy) checks.push(await this.#check(copy));
    return this.#result(checks, chosen);
  }

  /** The committed backups: all, or the one that was asked for. */
  #chosen(): Backup[] {
    const { backup: id } = this.#request;
    if (id === undefined) return this.#catalog.list({ status: ['good', 'damaged'] });
    const backup = this.#catalog.get(id);
    if (!backup) throw fail('not-found', `there is no backup ${id}`, { backup: id });
    return [backup];
  }

  async #presence(vault: Vault, stored: readonly Stored[], backup: Backup): Promise<void> {
    const manifest = manifestsOf(stored).get(backup.id);
    if (!manifest) return this.#record(backup, 'presence', 'its manifest is not in the vault');
    try {
      const tree = this.#store.tree(backup.id) ?? (await this.#readTree(vault, manifest));
      const absent = findDump(stored, backup.id, tree) === undefined;
      this.#record(backup, 'presence', absent ? 'its dump is not in the vault' : null);
    } catch (error) {
      this.#record(backup, 'presence', damageOf(error));
    }
  }

  async #readTree(vault: Vault, stored: Stored): Promise<string> {
    const manifest = await readManifest(vault, stored, this.#deps.signal);
    this.#store.saveTree(manifest);
    return manifest.dump.tree;
  }

  async #check(vault: Vault): Promise<VaultCheck> {
    const { clock, progress, signal } = this.#deps;
    const part = this.#store.nextPart(vault.address, this.#request.platform.backup?.integrity.parts ?? 1);
    progress.step(`checking ${vault.address}: structure, and part ${part.n} of ${part.of} of the data`);
    const result = await vault.check(part, signal);
    const check = { ...result, vault: vault.address, at: clock.now().toISOString(), part };
    this.#store.save(check);
    if (vault === this.#deps.vault) this.#recordCheck(check);
    return check;
  }

  /** A check of the vault says something of all its backups; when it failed, reading them tells which are hit. */
  #recordCheck({ at, ok, detail, part }: VaultCheck): void {
    const structure = { at, result: ok ? ('pass' as const) : ('fail' as const), detail: ok ? '' : detail };
    const data = { at, result: 'pass' as const, detail: `part ${part.n} of ${part.of} of the vault was read` };
    for (const { id, integrity: known } of this.#catalog.list({ status: ['good', 'damaged'] })) {
      // What is not in the vault has no part in what was read there.
      if (known.presence?.result !== 'pass') continue;
      this.#catalog.update(id, ({ integrity, status }) => ({
        integrity: { ...integrity, structure, ...(ok && status === 'good' ? { data } : {}) },
      }));
    }
  }

  async #readBack(stored: readonly Stored[], backups: readonly Backup[]): Promise<void> {
    const { vault, progress, signal } = this.#deps;
    const manifests = manifestsOf(stored);
    for (const { id } of backups) {
      const backup = this.#catalog.get(id);
      const found = manifests.get(id);
      if (!backup || !found || backup.integrity.presence?.result !== 'pass') continue;
      progress.step(`reading ${id} back`);
      try {
        const manifest = await readManifest(vault, found, signal);
        const dump = findDump(stored, id, manifest.dump.tree);
        if (!dump) throw fail('vault-damaged', 'its dump is not in the vault');
        const onBytes = (bytes: number) => progress.update(bytes, manifest.dump.bytes, 'bytes');
        await readDumpBack(vault, dump, manifest, onBytes, signal);
        this.#record(backup, 'data', null, "the whole dump was read, and its hash is the manifest's");
      } catch (error) {
        this.#record(backup, 'data', damageOf(error));
      }
    }
  }

  /** @param damage what is wrong; null when the check passed */
  #record(backup: Backup, check: keyof Integrity, damage: string | null, detail = ''): void {
    const at = this.#deps.clock.now().toISOString();
    this.#catalog.update(backup.id, ({ integrity, status, failure, missing }) => {
      const entry = { at, result: damage === null ? ('pass' as const) : ('fail' as const), detail: damage ?? detail };
      const next = { integrity: { ...integrity, [check]: entry } };
      if (damage !== null && status === 'good') {
        return { ...next, status: 'damaged', failure: { code: 'vault-damaged', message: damage } };
      }
      const absent = check === 'presence' && integrity.presence?.result === 'fail' && integrity.data?.result !== 'fail';
      const healed = damage === null && status === 'damaged' && missing.length === 0 && (check === 'data' || absent);
      return healed ? { ...next, status: 'good', failure: null } : { ...next, failure };
    });
  }

  #result(vaults: VaultCheck[], chosen: readonly Backup[]): Verification {
    const backups = chosen.flatMap(({ id }) => this.#catalog.get(id) ?? []);
    const damaged = backups.filter(({ status, integrity }) => status === 'damaged' || hasFailed(integrity));
    return {
      ok: vaults.every(({ ok }) => ok) && damaged.length === 0,
      vaults,
      backups,
      damaged: damaged.map(({ id }) => id),
    };
  }
}

const hasFailed = (integrity: Integrity) => integrity.presence?.result === 'fail' || integrity.data?.result === 'fail';

/** What damage an error means. @throws the error when it says nothing about the backup, such as a vault out of reach */
function damageOf(error: unknown): string {
  if (!(error instanceof SocleError)) throw error;
  if (error.code !== 'vault-damaged' && error.code !== 'not-found') throw error;
  return error.message;
}
