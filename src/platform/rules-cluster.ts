import { contains, type Ipv4Network, overlap, parseIpv4, parseNetwork } from '../kernel/ipv4.ts';
import { type Finding, field } from './finding.ts';

/** Keys of K3s that hold a secret, and the one that names a file instead where there is one. */
const secretKeys: Readonly<Record<string, string | undefined>> = {
  token: 'token-file',
  'agent-token': 'agent-token-file',
  'datastore-endpoint': undefined,
  'vpn-auth': 'vpn-auth-file',
  'etcd-s3-secret-key': 'etcd-s3-config-secret',
  'etcd-s3-session-token': 'etcd-s3-config-secret',
};

/** Rules between the keys of `cluster` and others. */
export function clusterChecks(file: unknown): Finding[] {
  return [...noSecrets(file), ...networksOfTheirOwn(file), ...distinctNetworks(file), ...ownKeys(file)];
}

/** MO-5: the platform file is kept in Git. */
function noSecrets(file: unknown): Finding[] {
  return passedKeys(file).flatMap((key) => {
    const name = key.replace(/\+$/, '');
    if (!Object.hasOwn(secretKeys, name)) return [];
    const instead = secretKeys[name];
    return [
      {
        path: ['cluster', 'k3s', 'config', key],
        message: 'this is a secret, and the platform file is no place for one',
        ...(instead ? { allowed: instead } : {}),
      },
    ];
  });
}

function passedKeys(file: unknown): string[] {
  const config = field(field(field(file, 'cluster'), 'k3s'), 'config');
  return typeof config === 'object' && config !== null ? Object.keys(config) : [];
}

/** The firewall and the files of the peers have to know these. */
function networksOfTheirOwn(file: unknown): Finding[] {
  const own: Readonly<Record<string, string>> = { 'cluster-cidr': 'pods', 'service-cidr': 'services' };
  return passedKeys(file).flatMap((key) => {
    const name = own[key.replace(/\+$/, '')];
    if (name === undefined) return [];
    const path = ['cluster', 'k3s', 'config', key];
    return [{ path, message: 'the firewall has to know this network too', allowed: `cluster.networks.${name}` }];
  });
}

/** Two networks that overlap, or the host's own address in one of them, would swallow each other's packets. */
function distinctNetworks(file: unknown): Finding[] {
  const cluster = field(file, 'cluster');
  if (typeof cluster !== 'object' || cluster === null) return [];
  const written = (section: unknown, key: string, usual: string) => parseNetwork(String(field(section, key) ?? usual));
  const networks = field(cluster, 'networks');
  const pods = written(networks, 'pods', '10.42.0.0/16');
  const services = written(networks, 'services', '10.43.0.0/16');
  const vpn = written(field(file, 'vpn'), 'subnet', '10.8.0.0/24');
  const address = parseIpv4(String(field(field(file, 'host'), 'address')));
  const host = address === undefined ? undefined : { base: address, prefix: 32 };
  const clash = (key: string, one: Ipv4Network | undefined, others: Record<string, Ipv4Network | undefined>) =>
    Object.entries(others).flatMap(([name, other]) =>
      one && other && overlap(one, other)
        ? [{ path: ['cluster', 'networks', key], message: `it overlaps ${name}` }]
        : [],
    );
  const outside = { 'vpn.subnet': vpn, 'host.address': host };
  return [
    ...clash('pods', pods, outside),
    ...clash('services', services, { 'cluster.networks.pods': pods, ...outside }),
  ];
}

/** What Socle, its roles and its copies of the cluster count on. */
const fixedKeys: Readonly<Record<string, string>> = {
  'data-dir': 'copies, checks and uninstallation of the cluster look below /var/lib/rancher/k3s',
  'https-listen-port': 'the firewall and the kubeconfig know port 6443',
  'node-name': 'this is cluster.node_name',
};

function ownKeys(file: unknown): Finding[] {
  const cluster = field(file, 'cluster');
  const services = parseNetwork(String(field(field(cluster, 'networks'), 'services') ?? '10.43.0.0/16'));
  const config = field(field(cluster, 'k3s'), 'config');
  return passedKeys(file).flatMap((key) => {
    const path = ['cluster', 'k3s', 'config', key];
    const name = key.replace(/\+$/, '');
    const why = Object.hasOwn(fixedKeys, name) ? fixedKeys[name] : undefined;
    if (why) return [{ path, message: `this key cannot be changed: ${why}` }];
    if (name !== 'cluster-dns') return [];
    const addresses = [field(config, key)].flat().map((value) => parseIpv4(String(value)));
    if (!services || addresses.every((address) => address !== undefined && contains(services, address))) return [];
    return [{ path, message: 'an address of DNS lies in cluster.networks.services' }];
  });
}
