import { recordOperation } from '../governance/operations.ts';
import { asSocleError } from '../kernel/errors.ts';
import type { Platform } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import { unreadableSnapshots } from './damage.ts';
import type { VaultDeps } from './deps.ts';
import { describeBackup } from './describe.ts';
import { IntegrityStore } from './integrity-store.ts';
import { neverCompleted, withoutManifest } from './leftovers.ts';
import { newBackup } from './new-backup.ts';
import { findDump, manifestsOf, readManifest } from './read-manifest.ts';
import type { Backup, Manifest } from './schema.ts';
import { findShrunk } from './shrink.ts';
import type { Survey } from './vault.ts';

export interface ReindexRequest {
  readonly platform: Platform;
  readonly actor: string;
}

export interface ReindexResult {
  readonly found: { readonly good: number; readonly incomplete: number; readonly damaged: number };
  /** Known here as good, and no longer in the vault. */
  readonly lost: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Rebuilds the catalog from the vault alone, as on another machine: a manifest with its dump is a backup, a dump without
 * one is incomplete. What only this host knows of a backup (its checks, why it is held) stays.
 * Drill reports are read by `reindexDrills`, afterwards.
 * @throws `vault-…`
 */
export async function reindex(request: ReindexRequest, deps: VaultDeps): Promise<ReindexResult> {
  const { db, clock, vault } = deps;
  const operation = { action: 'backup.reindex', actor: request.actor, subject: vault.address };
  return recordOperation(db, clock, operation, async () => {
    const survey = await vault.survey(deps.signal, true);
    const { stored, unreadable } = survey;
    const catalog = new BackupCatalog(db);
    const found = { good: 0, incomplete: 0, damaged: 0 };
    for (const backup of await readAll(survey, request.platform, catalog, deps)) {
      if (backup.status === 'good' || backup.status === 'incomplete' || backup.status === 'damaged') {
        found[backup.status] += 1;
      }
    }
    const manifests = manifestsOf(stored);
    const lost = catalog.list({ status: ['good'] }).filter(({ id }) => !manifests.has(id));
    for (const { id } of lost) {
      const failure = { code: 'vault-damaged', message: 'its manifest is not in the vault any more' };
      catalog.update(id, () => ({ status: 'damaged', failure }));
    }
    return { found, lost: lost.map(({ id }) => id), warnings: warnUnreadable(vault.address, unreadable) };
  });
}

/** A snapshot that cannot be read hides one backup, and must not hide all of them. */
const warnUnreadable = (address: string, ids: readonly string[]): string[] =>
  ids.length === 0 ? [] : [`${unreadableSnapshots(address, ids).message}: "A damaged snapshot" in docs/vault.md`];

/** A dump whose manifest may be there, and cannot be read, is more than what a crash left. */
function withoutManifestNow(
  known: Backup | undefined,
  unreadable: readonly string[],
): Pick<Backup, 'status' | 'failure'> {
  const committed = known !== undefined && (known.status === 'good' || known.status === 'damaged');
  if (!committed && unreadable.length === 0) {
    return { status: 'incomplete', failure: { code: 'interrupted', message: neverCompleted } };
  }
  const message = committed
    ? 'its dump is in the vault, and its manifest is not, or cannot be read'
    : `its dump is in the vault; its manifest may be one of ${unreadable.length} snapshots that cannot be read`;
  return { status: 'damaged', failure: { code: 'vault-damaged', message } };
}

async function readAll(
  { stored, unreadable }: Survey,
  platform: Platform,
  catalog: BackupCatalog,
  { db, vault, progress, signal }: VaultDeps,
): Promise<Backup[]> {
  const store = new IntegrityStore(db);
  const manifests = [...manifestsOf(stored).values()];
  const backups: Backup[] = [];
  /** The good backup before, by database: what the next one may have shrunk against. */
  const previous = new Map<string, Manifest>();
  progress.step(`reading ${manifests.length} manifests`);
  for (const [index, record] of manifests.entries()) {
    progress.update(index, manifests.length, 'items');
    const known = catalog.get(record.id) !== undefined;
    const backup = await readManifest(vault, record, signal).then(
      (manifest) => {
        const dump = findDump(stored, manifest);
        store.saveTree(manifest);
        store.saveSnapshots(manifest.id, [record, ...(dump ? [dump] : [])]);
        return { manifest, backup: describeBackup(manifest, dump !== undefined, catalog.get(manifest.id)) };
      },
      (error: unknown) => {
        const { code, message } = asSocleError(error);
        if (code !== 'vault-damaged' && code !== 'not-found') throw error;
        const bare = catalog.get(record.id) ?? newBackup(record.id, record.database, record.time, false);
        return { manifest: null, backup: { ...bare, status: 'damaged' as const, failure: { code, message } } };
      },
    );
    catalog.save(backup.backup);
    backups.push(backup.backup);
    if (!backup.manifest) continue;
    catalog.saveCounts(backup.manifest.id, backup.manifest.counts);
    // A backup that is known was looked at when it was taken, and somebody may have released the one before it.
    if (!known) hold(previous.get(record.database), backup.manifest, platform, catalog);
    if (backup.backup.status === 'good') previous.set(record.database, backup.manifest);
  }
  for (const dump of withoutManifest(stored)) {
    if (catalog.get(dump.id)?.status === 'running') continue;
    const known = catalog.get(dump.id);
    const bare = known ?? newBackup(dump.id, dump.database, dump.time, false);
    const backup: Backup = { ...bare, ...withoutManifestNow(known, unreadable) };
    catalog.save(backup);
    backups.push(backup);
  }
  return backups;
}

/** The same rule as at backup time: the backup before tables shrank is held. */
function hold(before: Manifest | undefined, now: Manifest, platform: Platform, catalog: BackupCatalog): void {
  const config = platform.databases.find(({ name }) => name === now.database);
  if (!before || !config) return;
  const unread = new Set(now.inventory.relations.filter((one) => one.unread).map(({ name }) => name));
  const counted = before.counts.filter(({ name }) => !unread.has(name));
  const shrunk = findShrunk(counted, now.counts, config.shrink_warning);
  if (shrunk.length === 0 || catalog.get(before.id)?.retention.held !== null) return;
  const names = shrunk.map(({ name }) => name).join(', ');
  catalog.update(before.id, ({ retention }) => ({
    retention: { ...retention, held: `last backup before ${names} shrank (${now.id})` },
  }));
}
