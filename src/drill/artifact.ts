import { createHash } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Manifest, manifestSchema } from '../backup/schema.ts';
import type { Stored, Vault } from '../backup/vault.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { hashFile } from './hash-file.ts';
import { together } from './proof/together.ts';

/** What a restore needs of one backup, found in the vault. */
export interface Artifact {
  readonly manifest: Manifest;
  /** Current restic snapshots: their ids change when they are tagged or copied, and the tree of the dump does not. */
  readonly dumpSnapshot: string;
  readonly manifestSnapshot: string;
}

/**
 * Finds a backup in the vault by its manifest, without which a dump does not count.
 * @throws `no-backup`, `vault-damaged`, and what the vault says
 */
export async function findArtifact(vault: Vault, id: string, signal?: AbortSignal): Promise<Artifact> {
  const items = (await vault.list(signal)).filter((item) => item.id === id);
  const named = items.findLast(({ item }) => item === 'manifest');
  if (named === undefined) throw absent(vault, id, 'manifest');
  const json = await text(vault.read(named.snapshot, '/manifest.json', signal));
  const manifest = manifestSchema.parse(JSON.parse(json));
  const dump = items.find(({ item, tree }) => item === 'dump' && tree === manifest.dump.tree);
  if (dump === undefined) throw absent(vault, id, 'dump');
  return { manifest, dumpSnapshot: dump.snapshot, manifestSnapshot: named.snapshot };
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
  const { manifest, dumpSnapshot, manifestSnapshot } = artifact;
  const archive = join(directory, 'backup.dump');
  const roles = join(directory, 'roles.sql');
  const fetchRoles = async (signal: AbortSignal) => {
    const sql = await text(vault.read(manifestSnapshot, manifest.roles.path, signal));
    if (createHash('sha256').update(sql).digest('hex') !== manifest.roles.sha256) {
      throw fail('artifact-damaged', 'the SQL of the roles in the vault is not what the manifest names');
    }
    await writeFile(roles, sql, { mode: 0o644 });
  };
  try {
    await together(signal, (both) => [fetchRoles(both), vault.fetch(dumpSnapshot, manifest.dump.path, archive, both)]);
  } catch (error) {
    // Reading from the vault writes nothing there: it is this disk that is full.
    if (!(error instanceof SocleError) || error.code !== 'vault-full') throw error;
    throw fail('drill-out-of-space', 'the disk was full before the dump was fetched', {}, error);
  }
  await chmod(archive, 0o444);
  return { archive, roles };
}

/** @throws `artifact-damaged` when the file is not, byte for byte, what the manifest names */
export async function checkArchive(archive: string, dump: Manifest['dump'], signal?: AbortSignal): Promise<void> {
  const found = await hashFile(archive, signal);
  if (found.sha256 === dump.sha256) return;
  throw fail(
    'artifact-damaged',
    `the dump is not what was stored: ${found.bytes} bytes of ${dump.bytes}, or other ones`,
    {
      expected: { bytes: dump.bytes, sha256: dump.sha256 },
      found,
    },
  );
}
