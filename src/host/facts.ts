import { fail } from '../kernel/errors.ts';
import { lastLines } from '../kernel/process.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';
import type { Tunnel } from './tunnel.ts';

/** What has to be known of a host before anything of it is changed. */
export interface HostFacts {
  readonly os: string;
  readonly release: number;
  /** As `uname -m` prints it. */
  readonly architecture: string;
  /** Bytes. */
  readonly memory: number;
  /** Bytes below /var. */
  readonly freeDisk: number;
  readonly ansible: boolean;
  /** A firewall was confirmed once: the domain `network` is there. */
  readonly network: boolean;
  /** A unit of K3s that Socle did not write; empty when there is none. */
  readonly foreignK3s: string;
  /** Version of the K3s on the host; empty when there is none. */
  readonly k3s: string;
  /** Keys of K3s' configuration that the cluster on the host was made with; none without a cluster. */
  readonly madeWith: Readonly<Record<string, string>>;
  /** Programs that have a port which ours need: `udp 51820 (openvpn)`. */
  readonly busyPorts: readonly string[];
  /** Seconds by which its clock is ahead of ours; negative when it is behind. */
  readonly clockAhead: number;
  /** The tunnel that this connection came through; null when it came by another way. */
  readonly tunnel: Tunnel | null;
}

/** Ports that are looked at before a run. */
export interface WantedPorts {
  /** WireGuard's. */
  readonly udp: number;
  /** Those of K3s; none without a cluster. */
  readonly tcp: readonly number[];
}

/** API, its proxy, kubelet, kube-proxy, controllers, scheduler, and containerd's streaming server. */
export const k3sPorts = [6443, 6444, 10_010, 10_248, 10_249, 10_250, 10_256, 10_257, 10_258, 10_259] as const;

/** A cluster keeps these: its certificates, its node and its volumes hang on them. */
const fixedKeys = ['node-name', 'cluster-cidr', 'service-cidr'] as const;

const script = `. /etc/os-release
echo "os=$ID"
client=\${1%% *}
key=$(wg show wg0 allowed-ips 2>/dev/null | awk -v ip="$client/32" '{for (i = 2; i <= NF; i++) if ($i == ip) print $1}')
if test -n "$key"; then echo "tunnel=$client $key $(wg show wg0 listen-port)"; fi
echo "clock=$(date +%s)"
echo "release=\${VERSION_ID:-0}"
echo "architecture=$(uname -m)"
echo "memory=$(awk '/^MemTotal/ {print $2 * 1024}' /proc/meminfo)"
echo "freeDisk=$(df --output=avail -B1 /var | tail -1 | tr -d ' ')"
if command -v ansible-playbook >/dev/null; then echo ansible=yes; fi
if test -e /etc/socle/firewall/ruleset.nft; then echo network=yes; fi
for unit in k3s k3s-agent; do
  file=/etc/systemd/system/$unit.service
  if test -e $file && ! grep -qs 'Written by Socle' $file; then echo "foreignK3s=$unit.service"; fi
done
if test -e /var/lib/rancher/k3s/server/db; then
  sed -nE 's/^(${fixedKeys.join('|')}): (.*)/madeWith=\\1 \\2/p' /etc/rancher/k3s/config.yaml
fi
# What a run has put there says its version; a program that somebody changed is not even asked.
verified=/var/lib/rancher/k3s/upgrade/verified
if test -e $verified; then echo "k3s=$(cut -d ' ' -f 2 $verified)"
elif test -x /usr/local/bin/k3s; then
  echo "k3s=$(/usr/local/bin/k3s --version 2>/dev/null | sed -nE '1s/^k3s version (\\S+).*/\\1/p')"
fi
busy() { sed -n 's/.*users:(("\\([^"]*\\)".*/\\1/p' | sort -u | grep -vE "$2" | sed "s/.*/busyPort=$1 (&)/"; }
ss -Hlunp "sport = :$2" | busy "udp $2" '^(wireguard-go)$'
wg show all listen-port 2>/dev/null | awk -v port="$2" '$2 == port && $1 != "wg0" {print "busyPort=udp " port " (" $1 ")"}'
shift 2
for port in "$@"; do ss -Hltnp "sport = :$port" | busy "tcp $port" '^(k3s|containerd)'; done; true`;

export async function readFacts(
  target: SshTarget,
  way: Way,
  { udp, tcp }: WantedPorts,
  signal?: AbortSignal,
): Promise<HostFacts> {
  const args = [udp, ...tcp].map(String);
  const before = Date.now() / 1_000;
  const { stdout } = await execAsRoot(target, way, script, { args, timeout: 60_000, signal });
  const lines = stdout.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)] as const);
  const facts = new Map(lines);
  const all = (name: string) => lines.flatMap(([key, value]) => (key === name ? [value] : []));
  const [client, key, port] = (facts.get('tunnel') ?? '').split(' ');
  const number = (name: string) => Number(facts.get(name) ?? 0);
  return {
    os: facts.get('os') ?? 'unknown',
    release: number('release'),
    architecture: facts.get('architecture') ?? 'unknown',
    memory: number('memory'),
    freeDisk: number('freeDisk'),
    ansible: facts.get('ansible') === 'yes',
    network: facts.get('network') === 'yes',
    foreignK3s: facts.get('foreignK3s') ?? '',
    k3s: facts.get('k3s') ?? '',
    clockAhead: distance(number('clock'), before, Date.now() / 1_000),
    tunnel: client && key ? { client, key, port: Number(port) } : null,
    madeWith: Object.fromEntries(all('madeWith').map((text) => text.split(' '))),
    busyPorts: all('busyPort'),
  };
}

/** How far a moment lies outside a span of time, in whole seconds: before it is negative. */
function distance(moment: number, from: number, to: number): number {
  return Math.trunc(moment - Math.min(Math.max(moment, from), to));
}

/** Ansible runs on the host itself; this installs it and nothing else. @throws `command-failed` with what apt-get printed */
export async function installAnsible(target: SshTarget, way: Way, signal?: AbortSignal): Promise<void> {
  const install =
    'export DEBIAN_FRONTEND=noninteractive; dpkg --configure -a; apt-get -q -o DPkg::Lock::Timeout=120 update && ' +
    'apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends ansible-core';
  const anyCode = Array.from({ length: 255 }, (_, code) => code);
  const options = { accept: anyCode, timeout: 900_000, signal };
  const result = await execAsRoot(target, way, `{ ${install}; } >&2`, options);
  if (result.exitCode === 0) return;
  throw fail('command-failed', 'Ansible could not be installed on the host', {
    output: lastLines(result.stderr),
    next: 'see that the host reaches its package mirror (`apt-get update` on it), then run `socle up` again',
  });
}
