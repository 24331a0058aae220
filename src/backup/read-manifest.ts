import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { fail } from '../kernel/errors.ts';
import { type Manifest, manifestSchema } from './schema.ts';
import type { Stored, Vault } from './vault.ts';

/**
 * Reads the commit record of a backup.
 * @param stored a snapshot whose item is `manifest`
 * @throws `vault-damaged` when it is not one that this version reads, and what the vault says
 */
export async function readManifest(vault: Vault, stored: Stored, signal?: AbortSignal): Promise<Manifest> {
  const json = await text(vault.read(stored.snapshot, '/manifest.json', signal));
  try {
    return manifestSchema.parse(JSON.parse(json));
  } catch (error) {
    throw fail('vault-damaged', `the manifest of ${stored.id} is not readable`, { snapshot: stored.snapshot }, error);
  }
}

/**
 * The dump that a manifest names. Snapshots get new ids when they are tagged or copied; tags and tree stay. One that was
 * stored again after a repair has another tree: the hash in the manifest tells whether it is the same.
 * @param all what the vault lists
 */
export function findDump(all: readonly Stored[], { id, dump }: Pick<Manifest, 'id' | 'dump'>): Stored | undefined {
  return findTree(all, id, dump.tree);
}

/** The same for a tree that is known from before. */
export function findTree(all: readonly Stored[], id: string, tree: string): Stored | undefined {
  const dumps = all.filter((one) => one.item === 'dump' && one.id === id);
  return dumps.find((one) => one.tree === tree) ?? dumps.at(-1);
}

/** Manifests by backup id; the newest where a backup has several. */
export function manifestsOf(all: readonly Stored[]): Map<string, Stored> {
  return new Map(all.filter(({ item }) => item === 'manifest').map((stored) => [stored.id, stored]));
}

/**
 * Reads a dump back whole.
 * @throws `vault-damaged` when it is not, byte for byte, what the manifest names; and what the vault says
 */
export async function readDumpBack(
  vault: Vault,
  dump: Stored,
  { dump: expected, id }: Manifest,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of vault.read(dump.snapshot, expected.path, signal)) {
    hash.update(chunk);
    bytes += chunk.length;
    onBytes(bytes);
  }
  const sha256 = hash.digest('hex');
  if (sha256 === expected.sha256) return;
  throw fail('vault-damaged', `the dump of ${id} is not what was stored: ${bytes} bytes of ${expected.bytes}`, {
    backup: id,
    expected: expected.sha256,
    found: sha256,
  });
}
