import { Secret } from '../kernel/secret.ts';
import type { PeerConfig, Platform } from '../platform/schema.ts';

/** The host's side for `wg setconf`, without its private key: that one is made on the host and never leaves it. */
export function serverConfig({ vpn }: Platform): string {
  const peers = vpn.peers.map(
    ({ name, public_key, address }) => `\n# ${name}\n[Peer]\nPublicKey = ${public_key}\nAllowedIPs = ${address}/32\n`,
  );
  return `[Interface]\nListenPort = ${vpn.port}\n${peers.join('')}`;
}

/** `HOST:PORT` that peers send to; an IPv6 address stands in brackets. */
export function endpointOf({ host, vpn }: Platform): string | undefined {
  const text = vpn.endpoint ?? host?.address;
  if (text === undefined) return undefined;
  if (/^(\[.*\]|[^:]+):\d+$/.test(text)) return text;
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  return `${bare.includes(':') ? `[${bare}]` : bare}:${vpn.port}`;
}

export interface ClientInput {
  readonly platform: Platform;
  readonly peer: PeerConfig;
  /** The host's public key. */
  readonly hostKey: string;
  /** Missing when the peer made its key itself. */
  readonly privateKey: Secret | undefined;
}

/** The peer's file, as `wg-quick` and the WireGuard apps read it. It routes the VPN and the cluster's services only. */
export function clientConfig({ platform, peer, hostKey, privateKey }: ClientInput): Secret {
  const services = platform.cluster?.networks.services;
  return new Secret(
    [
      `# ${peer.name} of ${platform.name}`,
      '[Interface]',
      `PrivateKey = ${privateKey?.reveal() ?? '(the private key of this peer)'}`,
      `Address = ${peer.address}/32`,
      '',
      '[Peer]',
      `PublicKey = ${hostKey}`,
      `Endpoint = ${endpointOf(platform) ?? ''}`,
      `AllowedIPs = ${[platform.vpn.subnet, ...(services ? [services] : [])].join(', ')}`,
      'PersistentKeepalive = 25',
      '',
    ].join('\n'),
  );
}
