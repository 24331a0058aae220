import { fail } from '../kernel/errors.ts';
import type { Platform } from '../platform/schema.ts';

/** The tunnel that a connection to the host came through, as the host sees it. */
export interface Tunnel {
  /** The peer's address and public key. */
  readonly client: string;
  readonly key: string;
  /** The port that WireGuard listens on. */
  readonly port: number;
}

/** What the platform file changes of the tunnel that we came through; empty when we can come through it again. */
export function tunnelChanges({ vpn }: Platform, { client, key, port }: Tunnel): string[] {
  const peer = vpn.peers.find(({ public_key }) => public_key === key);
  return [
    ...(peer ? [] : [`no peer has the key ${key} any more`]),
    ...(peer && peer.address !== client ? [`${peer.name} had the address ${client}`] : []),
    ...([vpn.port, ...vpn.extra_ports].includes(port) ? [] : [`WireGuard had the port ${port}`]),
  ];
}

/** @throws `vpn-would-be-cut`: the only way to the host would be gone after the run */
export function refuseToCut(changes: readonly string[]): never {
  throw fail(
    'vpn-would-be-cut',
    `this machine came through the VPN, and the platform file changes it: ${changes.join('; ')}`,
  );
}
