import { rm } from 'node:fs/promises';
import { editFile } from '../kernel/edit-file.ts';
import { fail } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';
import { loadPlatform } from '../platform/load.ts';
import { type OperatorFiles, readOptional, writePrivate } from '../platform/operator-files.ts';
import type { PeerConfig, Platform } from '../platform/schema.ts';
import { newAddress } from './addresses.ts';
import { clientConfig } from './config.ts';
import { withoutPeer, withPeer } from './edit-peers.ts';
import { newWireguardKeys } from './keys.ts';

/** The peer of that name. @throws `not-found` */
function peerNamed({ vpn }: Platform, name: string): PeerConfig {
  const peer = vpn.peers.find((one) => one.name === name);
  if (peer) return peer;
  const names = vpn.peers.map((one) => one.name).join(', ') || 'none';
  throw fail('not-found', `the platform file has no peer ${name} (it has ${names})`, { next: `socle vpn add ${name}` });
}

export interface NewPeer {
  readonly name: string;
  /** Of a peer that made its key itself; otherwise a pair is made here. */
  readonly publicKey: string | undefined;
  readonly reaches: readonly string[];
}

/**
 * Writes a peer into the platform file. Its private key, when it is made here, goes into a file of mode 0600 of the
 * operator's and nowhere else. The file is read and replaced in one edit: two commands at once get two addresses.
 * @throws `config-invalid`, `vpn-full`, `busy`, `not-confirmed` when there is a key of that name already
 */
export async function addPeer(
  file: string,
  files: OperatorFiles,
  wanted: NewPeer,
): Promise<{ peer: PeerConfig; keyFile: string | null }> {
  const keys = wanted.publicKey === undefined ? newWireguardKeys() : undefined;
  const keyFile = keys ? files.peerKey(wanted.name) : null;
  let added: PeerConfig | undefined;
  let keyWritten: string | undefined;
  try {
    await editFile(file, async (text) => {
      added = {
        name: wanted.name,
        public_key: wanted.publicKey ?? keys?.publicKey ?? '',
        address: newAddress((await loadPlatform(file)).vpn),
        reaches: [...wanted.reaches],
      };
      const edited = withPeer(text, file, added);
      if (keys && keyFile) {
        await writeNewKey(keyFile, keys.privateKey);
        keyWritten = keyFile;
      }
      return edited;
    });
  } catch (error) {
    // The key of a peer that is not in the platform file would only be in the way.
    if (keyWritten !== undefined) await rm(keyWritten, { force: true });
    throw error;
  }
  return { peer: added as PeerConfig, keyFile };
}

async function writeNewKey(keyFile: string, key: Secret): Promise<void> {
  await writePrivate(keyFile, `${key.reveal()}\n`, 'new').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw fail('not-confirmed', `${keyFile} is there already: it is the key of an earlier peer of that name`, {
      next: 'remove it, or choose another name',
    });
  });
}

/** Takes a peer out of the platform file; it stays in the VPN until the next `socle up`. @throws `not-found`, `busy` */
export async function revokePeer(file: string, name: string): Promise<void> {
  await editFile(file, (text) => withoutPeer(text, file, name));
}

/** Writes the files of those peers whose private key was made here, once the host's key is known; their paths. */
export async function writePeerFiles(platform: Platform, files: OperatorFiles): Promise<string[]> {
  const written: string[] = [];
  for (const { name } of platform.vpn.peers) {
    if ((await readOptional(files.peerKey(name))) === undefined) continue;
    await writePrivate(files.peerConfig(name), (await peerFile(platform, files, name)).reveal());
    written.push(files.peerConfig(name));
  }
  return written;
}

/** The file of a peer, with its private key where that was made here. @throws `not-found` before the first `socle up` */
export async function peerFile(platform: Platform, files: OperatorFiles, name: string): Promise<Secret> {
  const peer = peerNamed(platform, name);
  const hostKey = await readOptional(files.hostPublicKey);
  if (hostKey === undefined) {
    throw fail('not-found', 'the host’s WireGuard key is not known yet: it is made on the host', {
      next: 'run `socle up` first: it fetches the key',
    });
  }
  const privateKey = await readOptional(files.peerKey(name));
  return clientConfig({
    platform,
    peer,
    hostKey,
    privateKey: privateKey === undefined ? undefined : new Secret(privateKey),
  });
}
