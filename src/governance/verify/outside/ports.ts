import { k3sPorts } from '../../../host/facts.ts';
import type { Platform } from '../../../platform/schema.ts';

export const allPorts: readonly number[] = Array.from({ length: 65_535 }, (_, index) => index + 1);

/** NodePorts of Kubernetes, unless a cluster is told otherwise. */
export const nodePorts = { first: 30_000, last: 32_767 } as const;

/** Beside K3s' own: etcd, and the kubelet's read-only port of old. */
export const kubernetesPorts: readonly number[] = [...k3sPorts, 2379, 2380, 10_255];

/** Where the Kubernetes API listens: `https-listen-port` of K3s, where the platform file passes it through. */
export const kubernetesPort = ({ cluster }: Platform): number =>
  Number(cluster?.k3s.config['https-listen-port'] ?? 6443);

/** PostgreSQL and its poolers, MySQL, Redis, MongoDB, Elasticsearch, memcached, ClickHouse. */
export const databasePorts: readonly number[] = [5432, 5433, 6432, 3306, 6379, 27_017, 9200, 9300, 11_211, 8123, 9000];

/** What administers or watches a host: mail, SNMP, rpcbind, Docker, Cockpit, Webmin, Prometheus and its exporters, VNC. */
const administration = [
  21, 23, 25, 110, 111, 135, 139, 143, 161, 389, 445, 465, 587, 631, 636, 873, 993, 995, 2049, 2375, 2376, 3000, 3128,
  3389, 5000, 5601, 5900, 5985, 8000, 8080, 8081, 8443, 8888, 9001, 9090, 9091, 9093, 9094, 9100, 9187, 9443, 10_000,
];

/** The TCP ports of `--quick`: those that something of a platform, or of its kind, listens on. */
export function knownTcpPorts(platform: Platform): readonly number[] {
  const { host, ops, firewall } = platform;
  const own = [host?.port ?? 22, 22, 53, 80, 443, ops.listen.port, ...publicPorts(firewall, 'tcp')];
  const some = [nodePorts.first, 30_080, 30_443, 31_000, 32_000, nodePorts.last];
  return unique([...own, kubernetesPort(platform), ...kubernetesPorts, ...databasePorts, ...administration, ...some]);
}

/** DNS, DHCP, TFTP, rpcbind, NTP, NetBIOS, SNMP, CLDAP, IKE, syslog, RIP, SSDP, mDNS, NFS, flannel, memcached, WireGuard. */
const servicesOfUdp = [
  53, 67, 68, 69, 111, 123, 137, 138, 161, 162, 389, 500, 514, 520, 1194, 1900, 2049, 3478, 4500, 4789, 5353, 5355,
  8472, 11_211, 51_820, 51_821,
];

/** A datagram may be swallowed without a word, so that the known ports say as much as all of them would. */
export function knownUdpPorts({ vpn, firewall }: Platform): readonly number[] {
  return unique([...servicesOfUdp, vpn.port, ...vpn.extra_ports, ...publicPorts(firewall, 'udp')]);
}

/** What the platform file opens to the public. */
export const publicPorts = ({ public: open }: Platform['firewall'], protocol: 'tcp' | 'udp'): number[] =>
  open.flatMap((one) => (one.protocol === protocol ? [one.port] : []));

const unique = (ports: readonly number[]) => [...new Set(ports)].sort((a, b) => a - b);
