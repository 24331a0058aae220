import { contains, parseIpv4, parseNetwork } from '../kernel/ipv4.ts';

/**
 * Where providers answer with the machine's own data and credentials: 169.254.169.254 and the rest of link-local, the
 * addresses of Alibaba, Oracle and Azure, and for IPv6 those of AWS and Google.
 */
export const providerServices = {
  ip: ['169.254.0.0/16', '100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32'],
  ip6: ['fd00:ec2::/32', 'fd20:ce::/64'],
} as const;

export function isProviderService(address: string): boolean {
  const number = parseIpv4(address);
  if (number === undefined) return false;
  return providerServices.ip.some((text) => {
    const network = parseNetwork(text);
    return network !== undefined && contains(network, number);
  });
}
