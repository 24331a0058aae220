import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifestsOf, readManifest } from '../backup/read-manifest.ts';
import { openVault } from '../backup/vault-open.ts';
import type { VaultConfig } from '../platform/schema.ts';
import type { Opened } from './machine.ts';

/**
 * Opens a vault with what is named and nothing else: an empty HOME, no cache of earlier days, no agent. The newest commit
 * record is read whole, which takes the key, the index and the data.
 * @throws `vault-…`
 */
export async function openWith(config: VaultConfig, platform: string, signal?: AbortSignal): Promise<Opened> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-kit-'));
  try {
    const home = join(directory, 'home');
    await mkdir(home, { mode: 0o700 });
    const vault = await openVault(config, { platform, cache: join(directory, 'cache'), home });
    const repositoryId = await vault.identify(signal);
    const manifests = [...manifestsOf(await vault.list(signal)).entries()];
    const newest = manifests.at(-1);
    if (newest) await readManifest(vault, newest[1], signal);
    return { repositoryId, backups: manifests.map(([id]) => id), read: newest?.[0] ?? null };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
