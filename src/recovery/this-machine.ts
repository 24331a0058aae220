import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VaultDeps } from '../backup/deps.ts';
import { manifestsOf } from '../backup/read-manifest.ts';
import type { Vault } from '../backup/vault.ts';
import { addVaultKey } from '../backup/vault-admin.ts';
import { identifyVault } from '../backup/vault-identity.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Platform } from '../platform/schema.ts';
import { vaultsOf } from '../platform/vaults.ts';
import type { KitMachine } from './machine.ts';
import { openWith } from './open.ts';
import { kitStatus, noteKit } from './store.ts';

/** Where backups are taken by this machine itself. */
export function thisMachine(platform: Platform, actor: string, deps: VaultDeps): KitMachine {
  const { db, clock, vault, copy, signal } = deps;
  const opened: readonly Vault[] = copy ? [vault, copy] : [vault];
  const identify = (one: Vault) => identifyVault(db, one, clock.now(), signal);
  return {
    host: null,
    platform,
    grant: (id, password) =>
      inPrivateFile(password, async (passwordFile) => {
        const keys = await addVaultKey({ platform, actor, passwordFile, label: id }, deps);
        const granted = [];
        for (const [index, { address, key }] of keys.entries()) {
          granted.push({ address, key, repositoryId: await identify(opened[index] as Vault) });
        }
        return granted;
      }),
    async takeBack(id) {
      const kept: string[] = [];
      for (const one of opened) {
        await one.removeKeys(id).catch((error: unknown) => {
          // One that is out of reach, or opens with no password of ours, has no key of this kit, most likely.
          const { code, message } = asSocleError(error);
          if (code !== 'vault-absent' && code !== 'vault-wrong-password') {
            kept.push(`${one.address} may keep the key ${id} of a kit that was not made: ${message}`);
          }
        });
      }
      return kept;
    },
    async witness() {
      const seen = [];
      for (const one of opened) {
        const repositoryId = await identify(one);
        const newest = [...manifestsOf(await one.list(signal)).keys()].at(-1) ?? null;
        seen.push({ address: one.address, repositoryId, newest });
      }
      return seen;
    },
    open: (index, password) =>
      inPrivateFile(password, async (file) => {
        const config = vaultsOf(platform)[index];
        if (config === undefined) throw fail('usage', `the platform has no vault number ${index + 1}`);
        return openWith({ ...config, password: { file } }, platform.name, signal);
      }),
    async note(kit, confirmedAt) {
      noteKit(db, kit, confirmedAt);
    },
    status: async () => kitStatus(db, platform),
    async read(paths) {
      const found = new Map<string, string>();
      for (const path of paths) {
        const text = await stat(path).then(
          (entry) => (entry.isFile() ? readFile(path, 'utf8') : undefined),
          () => undefined,
        );
        if (text !== undefined) found.set(path, text);
      }
      return found;
    },
  };
}

async function inPrivateFile<T>(secret: Secret, work: (file: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-kit-'));
  try {
    const file = join(directory, 'password');
    await writeFile(file, `${secret.reveal()}\n`, { mode: 0o600, flag: 'wx' });
    return await work(file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
