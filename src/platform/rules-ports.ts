import { type Finding, field } from './finding.ts';

interface Listener {
  readonly port: unknown;
  readonly protocol: 'tcp' | 'udp';
  readonly what: string;
  readonly path: readonly PropertyKey[];
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What the platform file itself makes listen on a host, each with the key that says so. */
function listeners(file: unknown): Listener[] {
  const vpn = field(file, 'vpn');
  const extra = listOf(field(vpn, 'extra_ports')).map((port, i) => ({ port, path: ['vpn', 'extra_ports', i] }));
  const udp = [{ port: field(vpn, 'port') ?? 51_820, path: ['vpn', 'port'] }, ...extra];
  return [
    { port: field(field(file, 'host'), 'port') ?? 22, protocol: 'tcp', what: 'SSH', path: ['host', 'port'] },
    ...udp.map(({ port, path }): Listener => ({ port, path, protocol: 'udp', what: 'WireGuard' })),
    {
      port: field(field(field(file, 'ops'), 'listen'), 'port') ?? 7410,
      protocol: 'tcp',
      what: 'the API of `socle serve`',
      path: ['ops', 'listen', 'port'],
    },
  ];
}

/** What K3s listens on. Source: K3s' requirements; flannel's own port follows its backend. */
function clusterPorts(file: unknown): Omit<Listener, 'path'>[] {
  const cluster = field(file, 'cluster');
  if (typeof cluster !== 'object' || cluster === null) return [];
  const backend = field(field(field(cluster, 'k3s'), 'config'), 'flannel-backend') ?? 'vxlan';
  const flannel = { vxlan: 8472, 'wireguard-native': 51_820 }[String(backend)];
  return [
    { port: 6443, protocol: 'tcp', what: 'the Kubernetes API' },
    { port: 10_250, protocol: 'tcp', what: 'the kubelet' },
    ...(flannel ? [{ port: flannel, protocol: 'udp' as const, what: `flannel (${backend})` }] : []),
  ];
}

/** Two programs of a host cannot have one port, and what administers it is not for the public. */
export function portChecks(file: unknown): Finding[] {
  if (typeof field(file, 'host') !== 'object' && typeof field(file, 'cluster') !== 'object') return repeated(file);
  const own = listeners(file);
  const fixed = clusterPorts(file);
  const same = (a: Omit<Listener, 'path'>, b: Omit<Listener, 'path'>) => a.port === b.port && a.protocol === b.protocol;
  const clashes = own.flatMap((one, index) => {
    const other = [...own.slice(0, index), ...fixed].find((each) => same(each, one));
    if (!other) return [];
    return [
      { path: one.path, message: `${one.protocol.toUpperCase()} port ${one.port} is that of ${other.what} already` },
    ];
  });
  const administration = [...fixed, ...own.filter(({ path }) => path[0] === 'ops')];
  const open = listOf(field(field(file, 'firewall'), 'public')).flatMap((rule, index) => {
    const protocol = field(rule, 'protocol') === 'udp' ? 'udp' : 'tcp';
    const found = administration.find((each) => same(each, { port: field(rule, 'port'), protocol, what: '' }));
    if (!found) return [];
    return [
      {
        path: ['firewall', 'public', index, 'port'],
        message: `this is the port of ${found.what}, which answers in the VPN only`,
      },
    ];
  });
  return [...clashes, ...open, ...repeated(file)];
}

function repeated(file: unknown): Finding[] {
  const seen = new Map<string, number>();
  return listOf(field(field(file, 'firewall'), 'public')).flatMap((rule, index) => {
    const key = `${field(rule, 'port')}/${field(rule, 'protocol') ?? 'tcp'}`;
    const first = seen.get(key);
    if (first !== undefined)
      return [{ path: ['firewall', 'public', index], message: `firewall.public[${first}] says the same` }];
    seen.set(key, index);
    return [];
  });
}
