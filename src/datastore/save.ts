import { Readable, Writable } from 'node:stream';
import type { VaultDeps } from '../backup/deps.ts';
import { hashThrough } from '../backup/stream.ts';
import type { Stored, Vault } from '../backup/vault.ts';
import { resticVersion } from '../backup/vault-open.ts';
import { recordOperation } from '../governance/operations.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { acquireLock } from '../kernel/lock.ts';
import { socleVersion } from '../kernel/version.ts';
import { saveAction } from './action.ts';
import { planRemoval } from './retention.ts';
import { type DatastoreManifest, datastoreManifest } from './schema.ts';
import type { OpenCopy, Source } from './source.ts';

/** The name under which copies of a cluster lie in the vault, where a backup has its database's. */
const clusterTag = 'k3s';

export interface SaveRequest {
  readonly platform: string;
  /** The node that the platform file names: a copy of another one is refused. */
  readonly node: string;
  /** How many copies stay in the vault. */
  readonly keep: number;
  readonly actor: string;
}

export interface SavedDatastore {
  readonly manifest: DatastoreManifest;
  /** Ids of older copies that left the vaults. */
  readonly removed: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Copies the datastore into the vault: streamed once and hashed as a whole, read back, and committed by its manifest.
 * Then copies beyond `keep` leave; where that fails it is a warning, and the next one does it.
 * @throws `busy`, `not-found` without a cluster, `copy-incomplete`, `cluster-fixed` for another node, `read-back-differs`,
 *   `vault-…`, `host-…`; whatever was stored by then does not count
 */
export async function saveDatastore(request: SaveRequest, source: Source, deps: VaultDeps): Promise<SavedDatastore> {
  const { db, clock, vault, copy } = deps;
  using _lock = acquireLock(db, 'copy of the datastore');
  const operation = { action: saveAction, actor: request.actor, subject: request.node };
  return await recordOperation(db, clock, operation, async () => {
    const manifest = await store(request, source, deps);
    const removed = new Set<string>();
    const warnings: string[] = [];
    for (const one of copy ? [vault, copy] : [vault]) {
      try {
        for (const id of await removeOld(one, request.keep, deps)) removed.add(id);
      } catch (error) {
        const { code, message } = asSocleError(error);
        if (code === 'interrupted') throw error;
        warnings.push(`older copies stay in ${one.address} for now: ${message}`);
      }
    }
    return { manifest, removed: [...removed], warnings };
  });
}

async function store(request: SaveRequest, source: Source, deps: VaultDeps): Promise<DatastoreManifest> {
  const { vault, clock, progress, signal } = deps;
  progress.step('copying the datastore into the vault');
  const incoming = await source.open(signal);
  const { header } = incoming;
  if (header.node !== request.node) {
    throw fail(
      'cluster-fixed',
      `the host’s cluster has the node ${header.node}, and the platform file ${request.node}`,
    );
  }
  const id = newId('c', clock.now());
  const stored = await upload(id, incoming, deps);
  progress.step('reading the copy back');
  await readBack(vault, stored, header, signal);
  const manifest: DatastoreManifest = {
    ...header,
    id,
    platform: request.platform,
    finishedAt: clock.now().toISOString(),
    snapshot: stored.snapshot,
    tree: stored.tree,
    path: stored.paths[0] ?? '',
    addedBytes: stored.addedBytes ?? 0,
    versions: { socle: socleVersion, restic: (await resticVersion()).text },
  };
  const files = { 'manifest.json': JSON.stringify(datastoreManifest.parse(manifest)) };
  await vault.putFiles({ item: 'datastore-manifest', database: clusterTag, id }, files, signal);
  return manifest;
}

/** restic sees the end of its input only once all of the copy came, and its sender ended well. */
async function upload(id: string, { header, body, done }: OpenCopy, deps: VaultDeps): Promise<Stored> {
  const { vault, progress, signal } = deps;
  const name = { item: 'datastore', database: clusterTag, id, file: 'datastore.tar' } as const;
  const into = vault.upload(name, signal);
  try {
    const { bytes, sha256 } = await hashThrough(Readable.from(body), into.sink, (count) =>
      progress.update(count, header.bytes, 'bytes'),
    );
    await done;
    if (bytes !== header.bytes || sha256 !== header.sha256) {
      throw fail('copy-incomplete', `${bytes} bytes of ${header.bytes} of the datastore came, or other ones`);
    }
    return await into.commit();
  } catch (error) {
    await into.abort();
    throw error;
  }
}

/** @throws `read-back-differs` */
async function readBack(
  vault: Vault,
  { snapshot, paths }: Pick<Stored, 'snapshot' | 'paths'>,
  expected: Pick<DatastoreManifest, 'bytes' | 'sha256'>,
  signal?: AbortSignal,
): Promise<void> {
  const nowhere = new Writable({ write: (_chunk, _encoding, callback) => callback() });
  const read = await hashThrough(vault.read(snapshot, paths[0] ?? '', signal), nowhere, () => {});
  if (read.bytes === expected.bytes && read.sha256 === expected.sha256) return;
  const what = `${expected.bytes} bytes of the datastore were written and ${read.bytes} came back, with another hash`;
  throw fail('read-back-differs', what, { written: { ...expected }, read: { ...read } });
}

async function removeOld(vault: Vault, keep: number, { signal, progress }: VaultDeps): Promise<string[]> {
  const old = planRemoval(await vault.list(signal), keep);
  if (old.length === 0) return [];
  progress.step(`removing ${old.length} older snapshots from ${vault.address}`);
  await vault.remove(
    old.map(({ snapshot }) => snapshot),
    signal,
  );
  return [...new Set(old.map(({ id }) => id))];
}
