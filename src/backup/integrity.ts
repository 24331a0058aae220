import { recordOperation } from '../governance/operations.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { acquireLock } from '../kernel/lock.ts';
import type { Platform } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import type { VaultDeps } from './deps.ts';
import { IntegrityStore, type ReadSince, type VaultCheck } from './integrity-store.ts';
import { findDump, findTree, manifestsOf, readDumpBack, readManifest } from './read-manifest.ts';
import type { Backup } from './schema.ts';
import type { Stored, Survey, Vault } from './vault.ts';

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
  /** Snapshot files of the vault that cannot be read, each with what it was, as far as that is known. */
  readonly unreadable: ReadonlyArray<{ readonly snapshot: string; readonly was: string }>;
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
    const survey = await vault.survey(signal, true);
    const chosen = this.#chosen();
    progress.step('looking for each backup in the vault');
    for (const backup of chosen) await this.#presence(survey, backup);
    if (this.#request.backup !== undefined) {
      await this.#readBack(survey.stored, chosen);
      return this.#result([], chosen, survey);
    }
    const checks = [await this.#check(vault)];
    // Which backups are hit is known only by reading them: rare, and worth the time. So is whether a repair helped.
    const hit = chosen.filter(({ id }) => this.#catalog.get(id)?.status === 'damaged');
    await this.#readBack(survey.stored, checks[0]?.ok ? hit : chosen);
    if (copy) checks.push(await this.#check(copy));
    return this.#result(checks, chosen, survey);
  }

  /** The committed backups: all, or the one that was asked for. */
  #chosen(): Backup[] {
    const { backup: id } = this.#request;
    if (id === undefined) return this.#catalog.list({ status: ['good', 'damaged'] });
    const backup = this.#catalog.get(id);
    if (!backup) throw fail('not-found', `there is no backup ${id}`, { backup: id });
    return [backup];
  }

  async #presence({ stored, unreadable }: Survey, backup: Backup): Promise<void> {
    const { vault } = this.#deps;
    const manifest = manifestsOf(stored).get(backup.id);
    if (!manifest) return this.#record(backup, 'presence', this.#absent('manifest', backup, unreadable));
    try {
      const tree = this.#store.tree(backup.id) ?? (await this.#readTree(vault, manifest));
      const dump = findTree(stored, backup.id, tree);
      if (dump) this.#store.saveSnapshots(backup.id, [manifest, dump]);
      this.#record(backup, 'presence', dump ? null : this.#absent('dump', backup, unreadable));
    } catch (error) {
      this.#record(backup, 'presence', damageOf(error));
    }
  }

  /** Why a part of a backup is not in the list: it is gone, or the file of its snapshot cannot be read. */
  #absent(item: 'dump' | 'manifest', { id }: Backup, unreadable: readonly string[]): string {
    const known = unreadable.find((snapshot) => {
      const owner = this.#store.ownerOf(snapshot);
      return owner?.backup === id && owner.item === item;
    });
    if (known !== undefined) return `the file of its ${item}'s snapshot ${known.slice(0, 10)} cannot be read`;
    if (unreadable.length === 0) return `its ${item} is not in the vault`;
    const short = unreadable.map((snapshot) => snapshot.slice(0, 10)).join(', ');
    return `its ${item} is not in the vault, or its snapshot is one whose file cannot be read: ${short}`;
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

  /** A check that found the vault whole says something of all its backups; else reading them tells which are hit. */
  #recordCheck({ at, ok, part, vault }: VaultCheck): void {
    if (!ok) return;
    const structure = { at, result: 'pass' as const, detail: '' };
    for (const { id, finishedAt, startedAt, integrity: known } of this.#catalog.list({ status: ['good', 'damaged'] })) {
      // What is not in the vault has no part in what was read there.
      if (known.presence?.result !== 'pass') continue;
      const data = describeRead(this.#store.readSince(vault, part.of, new Date(finishedAt ?? startedAt)), at);
      this.#catalog.update(id, ({ integrity, status }) => {
        // Read back whole, or said to be damaged: that says more than a part of the vault.
        const keeps = status !== 'good' || (integrity.data?.result === 'pass' && data?.result !== 'pass');
        return { integrity: { ...integrity, structure, ...(keeps || data === null ? {} : { data }) } };
      });
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
        const dump = findDump(stored, manifest);
        if (!dump) throw fail('vault-damaged', 'its dump is not in the vault');
        const onBytes = (bytes: number) => progress.update(bytes, manifest.dump.bytes, 'bytes');
        await readDumpBack(vault, dump, manifest, onBytes, signal);
        this.#record(backup, 'data', null, "the whole dump was read, and its hash is the manifest's");
        // What a check found elsewhere in the vault is not this backup's.
        this.#record(backup, 'structure', null, 'read back whole');
      } catch (error) {
        const damage = damageOf(error);
        this.#record(backup, 'data', damage);
        this.#record(backup, 'structure', damage);
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

  #result(vaults: VaultCheck[], chosen: readonly Backup[], { unreadable }: Survey): Verification {
    const backups = chosen.flatMap(({ id }) => this.#catalog.get(id) ?? []);
    const damaged = backups.filter(({ status, integrity }) => status === 'damaged' || hasFailed(integrity));
    return {
      ok: vaults.every(({ ok }) => ok) && damaged.length === 0,
      vaults,
      backups,
      damaged: damaged.map(({ id }) => id),
      unreadable: unreadable.map((snapshot) => {
        const owner = this.#store.ownerOf(snapshot);
        return { snapshot, was: owner ? `the ${owner.item} of ${owner.backup}` : 'not known' };
      }),
    };
  }
}

const hasFailed = (integrity: Integrity) => integrity.presence?.result === 'fail' || integrity.data?.result === 'fail';

/** Only all of the vault, read since the backup was stored, says that its data is whole; null when nothing was read since. */
function describeRead({ parts, packs, at }: ReadSince, now: string): Integrity['data'] {
  if (at === null) return null;
  const files = packs === null ? '' : `${packs.read} of ${packs.total} packs read, `;
  const detail = `${files}${parts.n} of ${parts.of} parts of the vault since this backup was stored`;
  return { at: now, result: parts.n >= parts.of ? 'pass' : 'partial', detail };
}

/** What damage an error means. @throws the error when it says nothing about the backup, such as a vault out of reach */
function damageOf(error: unknown): string {
  if (!(error instanceof SocleError)) throw error;
  if (error.code !== 'vault-damaged' && error.code !== 'not-found') throw error;
  return error.message;
}
