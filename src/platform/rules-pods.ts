import { parseIpv4 } from '../kernel/ipv4.ts';
import { type Finding, field } from './finding.ts';
import { isProviderService } from './provider-services.ts';

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Rules of `firewall.pods`: there are pods, each entry says something, and where it leads is known. */
export function podChecks(file: unknown): Finding[] {
  const rules = listOf(field(field(file, 'firewall'), 'pods'));
  if (rules.length === 0) return [];
  const cluster = field(file, 'cluster');
  if (typeof cluster !== 'object' || cluster === null) {
    return [{ path: ['firewall', 'pods'], message: 'there are no pods without a `cluster` section' }];
  }
  const peers = listOf(field(field(file, 'vpn'), 'peers'));
  return [...rules.flatMap((rule, index) => destination(rule, index, peers)), ...repeated(rules)];
}

function destination(rule: unknown, index: number, peers: readonly unknown[]): Finding[] {
  const to = field(rule, 'to') ?? 'host';
  if (typeof to !== 'string') return [];
  const path = ['firewall', 'pods', index, 'to'];
  const names = peers.map((peer) => field(peer, 'name'));
  if (to === 'host') {
    return names.includes(to)
      ? [{ path, message: 'this is the host, and a peer has the same name: rename the peer' }]
      : [];
  }
  if (parseIpv4(to) === undefined) {
    const allowed = ['host', ...names].join(', ');
    return names.includes(to) ? [] : [{ path, message: `there is no peer ${JSON.stringify(to)}`, allowed }];
  }
  if (isProviderService(to)) return [];
  const peer = peers.find((one) => field(one, 'address') === to);
  if (peer) return [{ path, message: 'this is a peer: say its name', allowed: String(field(peer, 'name')) }];
  return [
    {
      path,
      message: 'pods are not kept from this address',
      allowed: '`host`, the name of a peer, or an address in 169.254.0.0/16',
    },
  ];
}

function repeated(rules: readonly unknown[]): Finding[] {
  const seen = new Map<string, number>();
  return rules.flatMap((rule, index) => {
    const key = JSON.stringify([field(rule, 'to') ?? 'host', field(rule, 'port'), field(rule, 'protocol') ?? 'tcp']);
    const first = seen.get(key);
    if (first !== undefined)
      return [{ path: ['firewall', 'pods', index], message: `firewall.pods[${first}] says the same` }];
    seen.set(key, index);
    return [];
  });
}
