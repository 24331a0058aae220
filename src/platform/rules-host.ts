import { contains, hosts, parseIpv4, parseNetwork } from '../kernel/ipv4.ts';
import { type Finding, field } from './finding.ts';

/** Rules between the keys of `vpn` and `firewall`, and of `host.postgresql`. */
export function hostChecks(file: unknown): Finding[] {
  return [
    ...uniquePeers(file),
    ...peerAddresses(file),
    ...reachable(file),
    ...ports(file),
    ...majors(file),
    ...hostOutside(file),
  ];
}

const peersOf = (file: unknown): unknown[] => {
  const peers = field(field(file, 'vpn'), 'peers');
  return Array.isArray(peers) ? peers : [];
};

/** A name, an address or a key that two peers share would cut one of them off. */
function uniquePeers(file: unknown): Finding[] {
  return ['name', 'address', 'public_key'].flatMap((key) => {
    const seen = new Map<unknown, number>();
    return peersOf(file).flatMap((peer, index) => {
      const value = field(peer, key);
      const first = seen.get(value);
      if (value === undefined || first === undefined) {
        seen.set(value, index);
        return [];
      }
      return [{ path: ['vpn', 'peers', index, key], message: `vpn.peers[${first}] has the same ${key}` }];
    });
  });
}

function peerAddresses(file: unknown): Finding[] {
  const text = field(field(file, 'vpn'), 'subnet') ?? '10.8.0.0/24';
  const subnet = parseNetwork(String(text));
  if (!subnet) return [];
  const last = subnet.base + 2 ** (32 - subnet.prefix) - 1;
  const own = hosts(subnet).next().value;
  return peersOf(file).flatMap((peer, index) => {
    const address = parseIpv4(String(field(peer, 'address')));
    if (address === undefined) return [];
    const path = ['vpn', 'peers', index, 'address'];
    if (!contains(subnet, address)) return [{ path, message: `it is not in vpn.subnet, ${text}` }];
    if (address === own) return [{ path, message: 'the first address of the VPN is the host’s' }];
    if (address === subnet.base || address === last) return [{ path, message: 'no host can have this address' }];
    return [];
  });
}

function reachable(file: unknown): Finding[] {
  const names = [...new Set(peersOf(file).map((peer) => field(peer, 'name')))];
  return peersOf(file).flatMap((peer, index) => {
    const reaches = field(peer, 'reaches');
    if (!Array.isArray(reaches)) return [];
    return reaches.flatMap((name, at) =>
      names.includes(name)
        ? []
        : [
            {
              path: ['vpn', 'peers', index, 'reaches', at],
              message: `there is no peer ${JSON.stringify(name)}`,
              allowed: names.join(', '),
            },
          ],
    );
  });
}

/** A UDP port leads to WireGuard or to a program, not to both; SSH closes in public, so that it is no public port. */
function ports(file: unknown): Finding[] {
  const vpn = field(file, 'vpn');
  const extra = field(vpn, 'extra_ports');
  const taken = [field(vpn, 'port') ?? 51_820, ...(Array.isArray(extra) ? extra : [])];
  const ssh = field(field(file, 'host'), 'port') ?? 22;
  const open = field(field(file, 'firewall'), 'public');
  return (Array.isArray(open) ? open : []).flatMap((rule, index) => {
    const path = ['firewall', 'public', index, 'port'];
    const port = field(rule, 'port');
    const udp = field(rule, 'protocol') === 'udp';
    if (udp && taken.includes(port)) return [{ path, message: 'this UDP port leads to WireGuard' }];
    if (!udp && port === ssh) {
      return [{ path, message: 'this is the port of SSH', allowed: 'another port, or `firewall.ssh: public`' }];
    }
    return [];
  });
}

/** The newest of PGDG's would be another one a year later, and a drill restores onto the major version of the source. */
function majors(file: unknown): Finding[] {
  const postgresql = field(field(file, 'host'), 'postgresql');
  const named = field(postgresql, 'majors');
  if (field(postgresql, 'source') !== 'pgdg' || (Array.isArray(named) && named.length > 0)) return [];
  return [
    {
      path: ['host', 'postgresql', 'source'],
      message: 'PGDG has every major version, and `majors` beside it names none',
      allowed: 'the major versions of the databases’ servers, such as `majors: [16]`',
    },
  ];
}

/** A route of the VPN would swallow the packets that carry it. */
function hostOutside(file: unknown): Finding[] {
  const subnet = parseNetwork(String(field(field(file, 'vpn'), 'subnet') ?? '10.8.0.0/24'));
  const endpoint = String(field(field(file, 'vpn'), 'endpoint') ?? '').replace(/:\d+$/, '');
  return [
    { path: ['host', 'address'], text: String(field(field(file, 'host'), 'address')) },
    { path: ['vpn', 'endpoint'], text: endpoint },
  ].flatMap(({ path, text }) => {
    const address = parseIpv4(text);
    if (!subnet || address === undefined || !contains(subnet, address)) return [];
    return [{ path, message: 'it lies in vpn.subnet: the tunnel would have to go through itself' }];
  });
}
