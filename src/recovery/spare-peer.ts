import { readFile } from 'node:fs/promises';
import { fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { type OperatorFiles, readOptional } from '../platform/operator-files.ts';
import type { Platform } from '../platform/schema.ts';
import { newAddress } from '../vpn/addresses.ts';
import { clientConfig } from '../vpn/config.ts';
import { withPeer } from '../vpn/edit-peers.ts';
import { newWireguardKeys } from '../vpn/keys.ts';

/** A peer that is in nobody's hands yet. Nothing is written here. */
export interface SparePeer {
  readonly name: string;
  /** Its WireGuard file, with the private key. */
  readonly config: Secret;
  /** The platform file with the peer in it, and as it was. */
  readonly text: string;
  readonly before: string;
}

/** Undefined for a platform without a host. @throws `not-found` before the first `socle up`, `vpn-full` */
export async function sparePeer(
  platform: Platform,
  file: string,
  files: OperatorFiles,
): Promise<SparePeer | undefined> {
  if (!platform.host) return undefined;
  const hostKey = await readOptional(files.hostPublicKey);
  if (hostKey === undefined) {
    throw fail('not-found', 'the host’s WireGuard key is not known yet, and the kit’s spare peer needs it', {
      next: 'run `socle up` first: it makes the key on the host and fetches its public half',
    });
  }
  const address = newAddress(platform.vpn);
  const taken = new Set(platform.vpn.peers.map(({ name }) => name));
  let name = 'spare';
  for (let number = 2; taken.has(name); number += 1) name = `spare-${number}`;
  const { publicKey, privateKey } = newWireguardKeys();
  const peer = { name, public_key: publicKey, address, reaches: [] };
  const before = await readFile(file, 'utf8');
  return {
    name,
    config: clientConfig({ platform, peer, hostKey, privateKey }),
    text: withPeer(before, file, peer),
    before,
  };
}
