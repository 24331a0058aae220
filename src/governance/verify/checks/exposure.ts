import type { Platform } from '../../../platform/schema.ts';
import { type Check, check, fail, type Outcome, pass, some, warn } from '../check.ts';
import { databasePorts, kubernetesPort, kubernetesPorts, nodePorts, publicPorts } from '../outside/ports.ts';
import type { PortScan } from '../outside/probes.ts';

/**
 * What answers in public. A closed port that nobody opened was let through by the firewall, or reset by something on
 * the way: providers of access do that for a few (25, 445), so that a few are a warning and many are red. Of closed UDP
 * ports a kernel tells some six at once, and then one a second (icmp_ratelimit, icmp(7)): many are never seen.
 */
const fewResets = { tcp: 16, udp: 3 } as const;

/** TCP ports that may answer. */
const wantedTcp = ({ firewall, host }: Platform): number[] => [
  ...publicPorts(firewall, 'tcp'),
  ...(firewall.ssh === 'public' ? [host?.port ?? 22] : []),
];

function judgeScan(scan: PortScan, wanted: readonly number[], few: number): Outcome {
  const { open, closed, asked, all, address } = scan;
  const bad = open.filter((port) => !wanted.includes(port));
  const reset = closed.filter((port) => !wanted.includes(port));
  const what = `${address}: ${all ? 'all ' : ''}${asked.toLocaleString('en')} ports${all ? '' : ' (the known ones only)'}`;
  const answers = open.length === 0 ? 'none answers' : `${some(open.map(String), 12)} answer`;
  if (bad.length > 0) return fail(`${address}: ${some(bad.map(String), 12)} answer, and nobody opened them`);
  if (reset.length > few) return fail(`${address}: ${reset.length} ports are not filtered, though nothing listens`);
  if (reset.length > 0) {
    return warn(
      `${address}: ${some(reset.map(String), few)} were reset; ${answers}`,
      'ask again from another network: some providers reset these on the way; else see the firewall',
    );
  }
  return pass(`${what}, ${answers}`);
}

const next = 'see `ss -tulpn` and the checks of the firewall; what is to be public belongs in `firewall.public`';

const scanned = (
  id: 'tcp4' | 'tcp6' | 'udp4' | 'udp6',
  what: string,
  wanted: (platform: Platform) => number[],
): Check =>
  check({
    id: `public-${id}`,
    title: `${what} ports that answer in public are those of the platform file`,
    requirements: ['FR6', 'FR7', 'NFR-3'],
    side: 'outside',
    next,
    looks: [id],
    judge: (facts, { platform }) =>
      judgeScan(facts[id], wanted(platform), id.startsWith('udp') ? fewResets.udp : fewResets.tcp),
  });

const wantedUdp = ({ firewall, vpn }: Platform): number[] => [
  ...publicPorts(firewall, 'udp'),
  vpn.port,
  ...vpn.extra_ports,
];

/** Something that must not answer in public, whatever else does. */
function silent(
  id: string,
  title: string,
  requirements: readonly string[],
  is: (port: number, p: Platform) => boolean,
) {
  return check({
    id,
    title,
    requirements,
    side: 'outside',
    next,
    looks: ['tcp'],
    judge({ tcp }, { platform }) {
      const mine = ({ open, closed }: PortScan) => [...open, ...closed].filter((port) => is(port, platform));
      const found = tcp.flatMap((scan) => mine(scan).map((port) => `${scan.address} answers on port ${port}`));
      return found.length > 0
        ? fail(some(found))
        : pass(`silent on ${tcp.map(({ address }) => address).join(' and ')}`);
    },
  });
}

export const exposureChecks: readonly Check[] = [
  scanned('tcp4', 'TCP/IPv4', wantedTcp),
  scanned('tcp6', 'TCP/IPv6', wantedTcp),
  scanned('udp4', 'UDP/IPv4', wantedUdp),
  scanned('udp6', 'UDP/IPv6', wantedUdp),
  silent(
    'public-no-ssh',
    'SSH answers in public only where the platform file says so',
    ['NFR-3', 'AM-1'],
    (port, p) =>
      p.firewall.ssh === 'vpn' && [22, p.host?.port].includes(port) && !publicPorts(p.firewall, 'tcp').includes(port),
  ),
  silent(
    'public-no-kubernetes',
    'API, kubelet and datastore of Kubernetes do not answer in public',
    ['FR7', 'NFR-3'],
    (port, p) => kubernetesPorts.includes(port) || (p.cluster !== undefined && port === kubernetesPort(p)),
  ),
  silent(
    'public-no-nodeports',
    'NodePorts do not answer in public unless the platform file opens them',
    ['FR6'],
    (port, p) => port >= nodePorts.first && port <= nodePorts.last && !publicPorts(p.firewall, 'tcp').includes(port),
  ),
  silent('public-no-databases', 'databases do not answer in public', ['FR7', 'FR18'], (port) =>
    databasePorts.includes(port),
  ),
  silent(
    'public-no-ops-api',
    "the daemon's API does not answer in public",
    ['AM-1'],
    (port, p) => port === p.ops.listen.port,
  ),
];
