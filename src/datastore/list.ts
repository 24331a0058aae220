import { text } from 'node:stream/consumers';
import type { Stored, Vault } from '../backup/vault.ts';
import { fail } from '../kernel/errors.ts';
import { completeCopies } from './retention.ts';
import { type DatastoreManifest, datastoreManifest } from './schema.ts';

/** A copy of the datastore, as the vault lists it. */
export interface ListedCopy {
  readonly id: string;
  readonly storedAt: string;
  /** Without a manifest it was never completed, and is not offered for a restore. */
  readonly complete: boolean;
}

/** From the vault alone, newest first. @throws `vault-…` */
export async function listCopies(vault: Vault, signal?: AbortSignal): Promise<ListedCopy[]> {
  const stored = await vault.list(signal);
  const complete = new Set(completeCopies(stored));
  return stored
    .filter(({ item }) => item === 'datastore')
    .map(({ id, time }) => ({ id, storedAt: time.toISOString(), complete: complete.has(id) }))
    .reverse();
}

/** The newest complete copy, or the one named, with the data that its manifest means. */
export interface FoundCopy {
  readonly manifest: DatastoreManifest;
  readonly data: Stored;
}

/** @throws `no-backup` without one, `not-found` for an id that is none, `vault-damaged`, `vault-…` */
export async function findCopy(vault: Vault, id: string | undefined, signal?: AbortSignal): Promise<FoundCopy> {
  const stored = await vault.list(signal);
  const [newest] = completeCopies(stored);
  if (newest === undefined) {
    throw fail('no-backup', `there is no copy of a cluster’s datastore in ${vault.address}`, {
      next: 'take one with `socle cluster snapshot save` while the cluster runs',
    });
  }
  const wanted = id ?? newest;
  const record = stored.findLast((one) => one.item === 'datastore-manifest' && one.id === wanted);
  if (!record) {
    throw fail('not-found', `there is no copy ${wanted} in ${vault.address}`, {
      next: '`socle cluster snapshot list` shows those that there are',
    });
  }
  const manifest = await readManifest(vault, record, signal);
  const data = stored.find((one) => one.item === 'datastore' && one.id === wanted && one.tree === manifest.tree);
  if (!data) throw fail('vault-damaged', `the data of the copy ${wanted} is not in ${vault.address}`);
  return { manifest, data };
}

async function readManifest(vault: Vault, { snapshot, id }: Stored, signal?: AbortSignal): Promise<DatastoreManifest> {
  const json = await text(vault.read(snapshot, '/manifest.json', signal));
  try {
    return datastoreManifest.parse(JSON.parse(json));
  } catch (error) {
    throw fail('vault-damaged', `the manifest of the copy ${id} is not readable`, { snapshot }, error);
  }
}
