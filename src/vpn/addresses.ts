import { fail } from '../kernel/errors.ts';
import { formatIpv4, hosts, type Ipv4Network, parseNetwork } from '../kernel/ipv4.ts';
import type { VpnConfig } from '../platform/schema.ts';

/** The interface of the tunnel on the host. */
export const tunnel = 'wg0';

function networkOf({ subnet }: Pick<VpnConfig, 'subnet'>): Ipv4Network {
  const network = parseNetwork(subnet);
  if (!network) throw new RangeError(`${subnet} is no network`);
  return network;
}

/** The host's own address in the VPN, such as 10.8.0.1: it lies on `lo`, so that it outlives the tunnel. */
export function privateAddress(vpn: Pick<VpnConfig, 'subnet'>): string {
  return formatIpv4(hosts(networkOf(vpn)).next().value ?? 0);
}

/** An address for one peer more. @throws `vpn-full` */
export function newAddress(vpn: Pick<VpnConfig, 'subnet' | 'peers'>): string {
  const address = freeAddress(vpn);
  if (address === undefined) throw fail('vpn-full', `${vpn.subnet} has no address left`);
  return address;
}

/** The lowest address that nobody has; undefined when the VPN is full. */
export function freeAddress(vpn: Pick<VpnConfig, 'subnet' | 'peers'>): string | undefined {
  const taken = new Set([privateAddress(vpn), ...vpn.peers.map(({ address }) => address)]);
  return hosts(networkOf(vpn))
    .map(formatIpv4)
    .find((address) => !taken.has(address));
}
