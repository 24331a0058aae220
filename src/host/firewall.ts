import type { Platform } from '../platform/schema.ts';
import { privateAddress, tunnel } from '../vpn/addresses.ts';
import { noForgedPods, type PodsPlan, planPods, podChains, podInterfaces } from './firewall-pods.ts';

/** Everything that the ruleset says, as data. */
export interface FirewallPlan {
  readonly vpnSubnet: string;
  /** The host's address in the VPN. */
  readonly hostAddress: string;
  /** Null without a cluster. */
  readonly cluster: PodsPlan | null;
  readonly wireguardPort: number;
  readonly extraWireguardPorts: readonly number[];
  /** TCP port of SSH while it answers in public; null once it does not. */
  readonly publicSsh: number | null;
  readonly publicPorts: readonly { readonly port: number; readonly protocol: 'tcp' | 'udp' }[];
  /** Who of the VPN may open connections to whom, besides to the host and the services. */
  readonly peerPairs: readonly { readonly from: string; readonly to: string }[];
}

export function planFirewall(platform: Platform, ssh: 'public' | 'vpn'): FirewallPlan {
  const { host, vpn, firewall, cluster } = platform;
  const addressOf = new Map(vpn.peers.map(({ name, address }) => [name, address]));
  return {
    vpnSubnet: vpn.subnet,
    hostAddress: privateAddress(vpn),
    cluster: cluster ? planPods(platform, cluster) : null,
    wireguardPort: vpn.port,
    extraWireguardPorts: vpn.extra_ports.filter((port) => port !== vpn.port),
    publicSsh: ssh === 'public' ? (host?.port ?? 22) : null,
    publicPorts: firewall.public,
    peerPairs: vpn.peers.flatMap(({ address, reaches }) =>
      reaches.map((name) => ({ from: address, to: addressOf.get(name) ?? '' })),
    ),
  };
}

/** What is left when a ruleset does not load, and what the rescue boot opens: SSH and WireGuard, nothing else. */
export function planFallback(platform: Platform): FirewallPlan {
  const firewall = { ...platform.firewall, public: [], pods: [] };
  return { ...planFirewall({ ...platform, firewall }, 'public'), extraWireguardPorts: [] };
}

/**
 * The ruleset as one file for `nft -f`: our own table is replaced in one transaction, and no other one is touched
 * (`flush ruleset` would take K3s' rules with it). It filters in prerouting, before the address translation of
 * NodePorts and host ports, which `input` never sees; an accept here goes on to the rules of others. The syntax is that
 * of nft 1.0.6 (Debian 12).
 */
export function renderFirewall(plan: FirewallPlan): string {
  const ports = [...new Set([plan.wireguardPort, ...plan.extraWireguardPorts])];
  const { services, pods } = plan.cluster ?? {};
  const lines = [
    'add table inet socle',
    'delete table inet socle',
    'add table inet socle',
    'table inet socle {',
    '  chain prerouting {',
    '    # After conntrack (-200), before DNAT (-100).',
    '    type filter hook prerouting priority -150; policy accept;',
    '    iifname "lo" accept',
    ...(plan.cluster ? [noForgedPods(plan.cluster)] : []),
    '    ct state { established, related } accept',
    `    iifname "${tunnel}" goto tunnel`,
    ...(plan.cluster ? [`    iifname { ${quoted(podInterfaces)} } goto pods`] : []),
    '    goto public',
    '  }',
    '  chain tunnel {',
    `    ip saddr != ${plan.vpnSubnet} drop`,
    `    ip daddr { ${networks(plan.hostAddress, services)} } accept`,
    ...plan.peerPairs.map(({ from, to }) => `    ip saddr ${from} ip daddr ${to} accept`),
    '    drop',
    '  }',
    '  chain public {',
    `    ip daddr { ${networks(plan.vpnSubnet, services, pods)} } drop`,
    '    icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept',
    '    ip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept',
    '    icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept',
    '    ip6 saddr fe80::/10 icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept',
    '    udp sport 67 udp dport 68 accept',
    '    ip6 saddr fe80::/10 udp dport 546 accept',
    '    # Nothing is forwarded from the public into the pod network, whatever routes to it.',
    '    fib daddr type != local drop',
    `    udp dport { ${ports.join(', ')} } accept`,
    ...(plan.publicSsh === null ? [] : [`    tcp dport ${plan.publicSsh} accept`]),
    ...plan.publicPorts.map(({ port, protocol }) => `    ${protocol} dport ${port} accept`),
    '    drop',
    '  }',
    ...(plan.cluster ? podChains(plan.cluster) : []),
    ...extraPorts(plan),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
const networks = (...some: readonly (string | undefined)[]) => some.filter((one) => one !== undefined).join(', ');

/** WireGuard listens on one port; the others lead there. */
function extraPorts({ extraWireguardPorts, wireguardPort, cluster }: FirewallPlan): string[] {
  if (extraWireguardPorts.length === 0) return [];
  const trusted = quoted(['lo', tunnel, ...(cluster ? podInterfaces : [])]);
  return [
    '  chain extra_ports {',
    '    type nat hook prerouting priority -101; policy accept;',
    `    iifname != { ${trusted} } fib daddr type local udp dport { ${extraWireguardPorts.join(', ')} } redirect to :${wireguardPort}`,
    '  }',
  ];
}
