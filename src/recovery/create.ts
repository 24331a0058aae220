import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { VaultDeps } from '../backup/deps.ts';
import { readRepository } from '../backup/repository.ts';
import { addVaultKey, type VaultRequest } from '../backup/vault-admin.ts';
import { recordOperation } from '../governance/operations.ts';
import { editFile } from '../kernel/edit-file.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { ownFile } from '../kernel/place.ts';
import { readSecret } from '../kernel/secret.ts';
import type { OperatorFiles } from '../platform/operator-files.ts';
import type { VaultConfig } from '../platform/schema.ts';
import { vaultsOf } from '../platform/vaults.ts';
import { parseIdentities } from '../secrets/age.ts';
import { withoutPeer } from '../vpn/edit-peers.ts';
import { comeBackPage } from './page.ts';
import { kitDirectory } from './place.ts';
import { type Kit, type KitVault, kitFiles } from './schema.ts';
import { type SparePeer, sparePeer } from './spare-peer.ts';
import { sshFacts } from './ssh-facts.ts';
import { noteKit } from './store.ts';

export interface CreateRequest extends VaultRequest {
  /** The platform file: the spare peer is written into it. */
  readonly file: string;
  readonly to: string;
  readonly stateRoot: string;
  readonly files: OperatorFiles;
  /** The operator's age identity file. */
  readonly ageIdentity: string;
  /** The SSH key that logs in, where it is not one that ssh offers by itself. */
  readonly sshKey: string | undefined;
}

export interface CreatedKit {
  readonly directory: string;
  readonly kit: Kit;
  /** What the operator has to know of the medium. */
  readonly warnings: readonly string[];
}

const byHand = ownFile('docs/runbooks/restore-by-hand.md');

/**
 * Makes a recovery kit: a directory of files of mode 0600, and in each vault a key that only the kit has. It is made
 * beside its place and moved there whole. When it fails, its keys leave the vaults again.
 * @throws `already-there`, `usage`, `not-found` before the first `socle up`, `secret-…`, `vault-…`
 */
export async function createKit(request: CreateRequest, deps: VaultDeps): Promise<CreatedKit> {
  const { platform, actor, stateRoot } = request;
  const vaults = vaultsOf(platform);
  const directory = kitDirectory(request.to, [
    { what: 'the state directory', directory: stateRoot },
    ...vaults.flatMap(({ repository }) => {
      const { directory: local } = readRepository(repository, new Map());
      return local === null ? [] : [{ what: 'the vault', directory: local }];
    }),
  ]);
  const start = { action: 'kit.create', actor, subject: directory };
  return recordOperation(deps.db, deps.clock, start, async () => {
    const peer = await sparePeer(platform, request.file, request.files);
    const staging = await mkdtemp(`${directory}.part-`);
    const id = newId('k', deps.clock.now());
    try {
      const kit = await fill(id, staging, vaults, peer, request, deps);
      deps.signal?.throwIfAborted();
      const warnings = (await keepsPermissions(staging)) ? [] : [withoutPermissions(directory)];
      await settle(staging, directory, peer, request.file);
      noteKit(deps.db, kit, null);
      return { directory, kit, warnings };
    } catch (error) {
      await takeBack(id, deps);
      throw error;
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  });
}

/** A key that was added for a kit that will never be would open the vault with a password that nobody has. */
async function takeBack(id: string, { vault, copy, progress }: VaultDeps): Promise<void> {
  for (const one of copy ? [vault, copy] : [vault]) {
    await one.removeKeys(id).catch((error: unknown) => {
      // One that is out of reach, or opens with no password of ours, has no key of this kit, most likely.
      const { code, message } = asSocleError(error);
      if (code !== 'vault-absent' && code !== 'vault-wrong-password') {
        progress.note(`${one.address} may keep the key ${id} of a kit that was not made: ${message}`);
      }
    });
  }
}

/** A file system such as FAT lets everybody on the machine read what is on it, whatever mode was asked for. */
async function keepsPermissions(directory: string): Promise<boolean> {
  return ((await stat(join(directory, kitFiles.password))).mode & 0o077) === 0;
}

const withoutPermissions = (directory: string) =>
  `the medium of ${directory} keeps no permissions (FAT, most likely): where it is mounted, everybody on that machine can ` +
  'read the kit. Unmount it at once, and keep it locked away; an encrypted stick is better';

async function fill(
  id: string,
  staging: string,
  configs: readonly VaultConfig[],
  peer: SparePeer | undefined,
  request: CreateRequest,
  deps: VaultDeps,
): Promise<Kit> {
  const { platform, file, files } = request;
  const put = (name: string, text: string) =>
    writeFile(join(staging, name), text, { mode: 0o600, flag: 'wx', flush: true });
  await put(kitFiles.password, `${randomBytes(32).toString('base64url')}\n`);
  await put(kitFiles.identity, await ageIdentity(request.ageIdentity));
  const environments: Record<string, string>[] = [];
  for (const [index, { environment }] of configs.entries()) {
    const names: Record<string, string> = {};
    for (const [name, source] of Object.entries(environment)) {
      names[name] = `vault-${index + 1}.${name}`;
      await put(names[name], `${(await readSecret(source, deps.signal)).reveal()}\n`);
    }
    environments.push(names);
  }
  await put(basename(file), peer?.text ?? (await readFile(file, 'utf8')));
  if (platform.base !== undefined) {
    await put(platform.base, await readFile(join(dirname(resolve(file)), platform.base), 'utf8'));
  }
  if (peer) await put(kitFiles.peer, peer.config.reveal());
  const ssh = platform.host ? await sshFacts(platform.host, files.knownHosts, request.sshKey) : null;
  if (ssh && ssh.hostKeys.length > 0) await put(kitFiles.knownHosts, await readFile(files.knownHosts, 'utf8'));
  await put(kitFiles.byHand, await readFile(byHand, 'utf8'));

  const passwordFile = join(staging, kitFiles.password);
  deps.progress.step('adding a key to the vault');
  const keys = await addVaultKey({ ...request, passwordFile, label: id }, deps);
  const vaults = configs.map(
    ({ repository, options }, index): KitVault => ({
      repository,
      address: keys[index]?.address ?? repository,
      key: keys[index]?.key ?? '',
      options,
      environment: environments[index] ?? {},
    }),
  );
  const kit: Kit = {
    version: 1,
    id,
    platform: platform.name,
    createdAt: deps.clock.now().toISOString(),
    vaults,
    peer: peer?.name ?? null,
    ssh,
  };
  await put(kitFiles.index, `${JSON.stringify(kit, null, 2)}\n`);
  await put(kitFiles.page, comeBackPage(kit, platform));
  return kit;
}

async function ageIdentity(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw fail('secret-unreadable', `your age identity ${file} could not be read (${error.code})`, {
      file,
      next: `set SOPS_AGE_KEY_FILE to the file that it is in, or make one: socle secret keygen ${file}`,
    });
  });
  parseIdentities(text);
  return text;
}

/** The platform file first: a peer that nobody has the key of does no harm, a kit whose peer is unknown does. */
async function settle(staging: string, directory: string, peer: SparePeer | undefined, file: string): Promise<void> {
  if (peer) {
    await editFile(file, (text) => {
      if (text === peer.before) return peer.text;
      throw fail('busy', `${file} changed while the kit was made; no kit was made`, { next: 'run it again' });
    });
  }
  try {
    await rename(staging, directory);
  } catch (error) {
    if (peer) await editFile(file, (text) => (text === peer.text ? peer.before : withoutPeer(text, file, peer.name)));
    throw error;
  }
}
