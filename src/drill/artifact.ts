import { createHash } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { findDump } from '../backup/read-manifest.ts';
import { type Manifest, manifestSchema, rolesPath } from '../backup/schema.ts';
import type { Stored, Vault } from '../backup/vault.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { writeSharedFile } from '../kernel/shared-files.ts';
import { Suspicion } from './evidence.ts';
import { hashFile } from './hash-file.ts';

/** What a restore needs of one backup, found in the vault. */
export interface Artifact {
  readonly manifest: Manifest;
  /** restic's snapshot of the dump. */
  readonly dumpSnapshot: string;
  /** SQL of the roles, which lies beside the manifest; not compared with it yet. */
  readonly roles: string;
}

/**
 * Finds a backup in the vault by its manifest, without which a dump does not count.
 * @throws `no-backup`, `vault-damaged`, and what the vault says
 */
export async function findArtifact(vault: Vault, id: string, signal?: AbortSignal): Promise<Artifact> {
  try {
    const { manifest, roles } = await readBoth((path) => vault.readNewest({ item: 'manifest', id }, path, signal));
    return { manifest, roles, dumpSnapshot: manifest.dump.snapshot };
  } catch (error) {
    // One damaged snapshot hides the newest of all: a list leaves it out.
    if (!isMissing(error)) throw error;
    return lookFor(vault, id, signal);
  }
}

/** The same by a list of the vault. Snapshots have other ids than the manifest names once they were tagged or copied. */
async function lookFor(vault: Vault, id: string, signal?: AbortSignal): Promise<Artifact> {
  const items = (await vault.list(signal)).filter((item) => item.id === id);
  const named = items.findLast(({ item }) => item === 'manifest');
  if (named === undefined) throw absent(vault, id, 'manifest');
  const { manifest, roles } = await readBoth((path) => vault.read(named.snapshot, path, signal));
  const dump = findDump(items, manifest);
  if (dump === undefined) throw absent(vault, id, 'dump');
  return { manifest, roles, dumpSnapshot: dump.snapshot };
}

const isMissing = (error: unknown): boolean =>
  error instanceof SocleError && (error.code === 'not-found' || error.code === 'vault-damaged');

/** Both at once: opening a vault takes longer than reading a small file. */
async function readBoth(read: (path: string) => Readable): Promise<Pick<Artifact, 'manifest' | 'roles'>> {
  const [json, roles] = await Promise.all([text(read('/manifest.json')), text(read(rolesPath))]);
  return { manifest: manifestSchema.parse(JSON.parse(json)), roles };
}

function absent(vault: Vault, id: string, what: Stored['item']) {
  return fail('no-backup', `the vault ${vault.address} has no ${what} of the backup ${id}`, {
    backup: id,
    next: 'run `socle backup reindex` to see what the vault holds',
  });
}

export interface FetchedArtifact {
  readonly archive: string;
  readonly roles: string;
}

/** Fetches the archive and the roles into a directory. Every user may read the files: the directory's owner decides. */
export async function fetchArtifact(
  vault: Vault,
  artifact: Artifact,
  directory: string,
  signal?: AbortSignal,
): Promise<FetchedArtifact> {
  const roles = await placeRoles(artifact, directory);
  return { roles, archive: await fetchArchive(vault, artifact, directory, signal) };
}

/** Writes the SQL of the roles into a directory; resolves to the file. */
export async function placeRoles({ manifest, roles: sql }: Artifact, directory: string): Promise<string> {
  const found = createHash('sha256').update(sql).digest('hex');
  const suspicion = Suspicion.ofRoles(manifest.roles.sha256, found);
  if (suspicion !== null) throw suspicion;
  const roles = join(directory, 'roles.sql');
  writeSharedFile(roles, sql);
  return roles;
}

/** Fetches the archive alone; resolves to the file. */
export async function fetchArchive(
  vault: Vault,
  { manifest, dumpSnapshot }: Artifact,
  directory: string,
  signal?: AbortSignal,
): Promise<string> {
  const archive = join(directory, 'backup.dump');
  const fetchDump = (snapshot: string) => vault.fetch(snapshot, manifest.dump.path, archive, signal);
  try {
    await fetchDump(dumpSnapshot).catch(async (error: unknown) => {
      // restic 0.18 takes a snapshot that is not there for one that is damaged.
      if (!isMissing(error)) throw error;
      const found = await lookFor(vault, manifest.id, signal);
      if (found.dumpSnapshot === dumpSnapshot) throw error;
      return fetchDump(found.dumpSnapshot);
    });
  } catch (error) {
    // Reading from the vault writes nothing there: it is this disk that is full.
    if (!(error instanceof SocleError) || error.code !== 'vault-full') throw error;
    throw fail('drill-out-of-space', 'the disk was full before the dump was fetched', {}, error);
  }
  await chmod(archive, 0o444);
  return archive;
}

/** @throws `artifact-damaged` when the file is not, byte for byte, what the manifest names */
export async function checkArchive(archive: string, dump: Manifest['dump'], signal?: AbortSignal): Promise<void> {
  const suspicion = Suspicion.ofArchive(dump, await hashFile(archive, signal));
  if (suspicion !== null) throw suspicion;
}
