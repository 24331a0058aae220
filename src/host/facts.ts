import { fail } from '../kernel/errors.ts';
import { formatSize } from '../kernel/units.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';

/** What has to be known of a host before anything of it is changed. */
export interface HostFacts {
  readonly os: string;
  readonly release: number;
  readonly memory: number;
  readonly freeDisk: number;
  readonly ansible: boolean;
  /** K3s is there, and Socle did not install it. */
  readonly foreignK3s: boolean;
}

const script = `. /etc/os-release
echo "os=$ID"
echo "release=\${VERSION_ID:-0}"
echo "memory=$(awk '/^MemTotal/ {print $2 * 1024}' /proc/meminfo)"
echo "freeDisk=$(df --output=avail -B1 /var | tail -1 | tr -d ' ')"
if command -v ansible-playbook >/dev/null && python3 -c 'import apt' 2>/dev/null; then echo ansible=yes; fi
if test -e /usr/local/bin/k3s && ! test -e /etc/socle; then echo foreignK3s=yes; fi`;

export async function readFacts(target: SshTarget, way: Way, signal?: AbortSignal): Promise<HostFacts> {
  const { stdout } = await execAsRoot(target, way, script, { timeout: 60_000, signal });
  const facts = new Map(stdout.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]));
  const number = (name: string) => Number(facts.get(name) ?? 0);
  return {
    os: facts.get('os') ?? 'unknown',
    release: number('release'),
    memory: number('memory'),
    freeDisk: number('freeDisk'),
    ansible: facts.get('ansible') === 'yes',
    foreignK3s: facts.get('foreignK3s') === 'yes',
  };
}

const least = { memory: 900 * 2 ** 20, freeDisk: 2 * 2 ** 30 } as const;

/** @throws `host-unsupported`, before anything was changed */
export function requireSupported({ os, release, memory, freeDisk, foreignK3s }: HostFacts): void {
  if (os !== 'debian' || (release !== 12 && release !== 13)) {
    throw fail('host-unsupported', `the host runs ${os} ${release}, not Debian 12 or 13`);
  }
  if (memory < least.memory) throw fail('host-unsupported', `the host has ${formatSize(memory)} of memory`);
  if (freeDisk < least.freeDisk) {
    throw fail('host-unsupported', `/var of the host has ${formatSize(freeDisk)} left, and a run needs 2 GiB`, {
      next: 'free some space (`apt-get clean`, `journalctl --vacuum-size=100M`), then run `socle up` again',
    });
  }
  if (foreignK3s) {
    throw fail('host-unsupported', 'there is a K3s on the host that Socle did not install', {
      next: 'remove it with k3s-uninstall.sh once its data is safe, or use a fresh host',
    });
  }
}

/** Ansible runs on the host itself; this installs it and nothing else. */
export async function installAnsible(target: SshTarget, way: Way, signal?: AbortSignal): Promise<void> {
  const install =
    'export DEBIAN_FRONTEND=noninteractive; apt-get -q -o DPkg::Lock::Timeout=120 update && ' +
    'apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends ansible-core python3-apt';
  await execAsRoot(target, way, `{ ${install}; } >&2`, { timeout: 900_000, signal });
}
