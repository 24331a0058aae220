import { formatIpv4, parseNetwork } from '../kernel/ipv4.ts';
import { providerServices } from '../platform/provider-services.ts';
import type { ClusterConfig, Platform } from '../platform/schema.ts';
import { tunnel } from '../vpn/addresses.ts';

/** What pods reach, as data: pods are not operators (docs/adr/0036). */
export interface PodsPlan {
  readonly pods: string;
  readonly services: string;
  /** The Kubernetes API's Service: the first address of the network of services. */
  readonly api: string;
  readonly vpnSubnet: string;
  /** What the platform file opens to them. `to` is null for the host itself. */
  readonly opened: readonly { readonly to: string | null; readonly port: number; readonly protocol: 'tcp' | 'udp' }[];
  /** What the public reaches on the host's public addresses, pods reach there too. */
  readonly publicPorts: readonly { readonly port: number; readonly protocol: 'tcp' | 'udp' }[];
}

/** Interfaces of K3s' pod network (flannel). What comes from anywhere else but the tunnel is public: unknown ones too. */
export const podInterfaces = ['cni0', 'flannel.1', 'flannel-wg'] as const;

export function planPods({ vpn, firewall }: Platform, { networks }: ClusterConfig): PodsPlan {
  const addressOf = new Map(vpn.peers.map(({ name, address }) => [name, address]));
  const base = parseNetwork(networks.services)?.base ?? 0;
  return {
    ...networks,
    api: formatIpv4(base + 1),
    vpnSubnet: vpn.subnet,
    opened: firewall.pods.map(({ to, port, protocol }) => ({
      to: to === 'host' ? null : (addressOf.get(to) ?? to),
      port,
      protocol,
    })),
    publicPorts: firewall.public,
  };
}

/** Before everything else of `prerouting`: who forges a source address could pass for a connection of somebody else's. */
export const noForgedPods = ({ pods }: PodsPlan): string => `    iifname { ${interfaces} } ip saddr != ${pods} drop`;

const interfaces = podInterfaces.map((name) => `"${name}"`).join(', ');

/**
 * Where packets of pods are judged: once before the address translation, since a NodePort is a port of the host and not
 * seen later, and once behind it, since a Service may lead to the host or into the VPN. `input` comes behind IPVS (98),
 * which translates there.
 */
export function podChains(plan: PodsPlan): string[] {
  const { services, api, vpnSubnet, publicPorts } = plan;
  const neighbours =
    '    ip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept';
  const inside = `ip daddr != { ${[vpnSubnet, plan.pods, services].join(', ')} }`;
  const onHost = [
    ...plan.opened.filter(({ to }) => to === null).map((rule) => `    fib daddr type local ${accept(rule)}`),
    ...publicPorts.map((rule) => `    fib daddr type local ${inside} ${accept(rule)}`),
  ];
  const elsewhere = plan.opened.flatMap((rule) =>
    rule.to === null ? [] : [`    ip daddr ${rule.to} ${accept(rule)}`],
  );
  return [
    '  chain pods {',
    '    # What a Service leads to is judged behind the translation.',
    `    ip daddr ${services} accept`,
    ...onHost,
    ...elsewhere,
    neighbours,
    `    ip daddr { ${[vpnSubnet, ...providerServices.ip].join(', ')} } drop`,
    `    ip6 daddr { ${providerServices.ip6.join(', ')} } drop`,
    '    fib daddr type { local, anycast } drop',
    '  }',
    '  chain pods_to_host {',
    '    type filter hook input priority 110; policy accept;',
    `    iifname != { ${interfaces} } accept`,
    '    ct state { established, related } accept',
    '    # The Kubernetes API, through its Service only.',
    `    ct original ip daddr ${api} meta l4proto tcp ct original proto-dst 443 accept`,
    ...onHost,
    neighbours,
    '    drop',
    '  }',
    '  chain pods_to_others {',
    '    type filter hook postrouting priority -150; policy accept;',
    '    # Not by interface: what IPVS sends on comes from the host. A reply has the other direction.',
    `    ct direction original ct original ip saddr ${plan.pods} goto pods_out`,
    '  }',
    '  chain pods_out {',
    ...elsewhere,
    `    oifname "${tunnel}" drop`,
    `    ip daddr { ${[vpnSubnet, ...providerServices.ip].join(', ')} } drop`,
    '  }',
  ];
}

const accept = ({ port, protocol }: { readonly port: number; readonly protocol: string }) =>
  `${protocol} dport ${port} accept`;
