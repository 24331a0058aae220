import { parse } from 'yaml';
import { planK3s } from '../cluster/config.ts';
import { lock } from '../cluster/lock.ts';
import { stepBetween } from '../cluster/versions.ts';
import { fail } from '../kernel/errors.ts';
import { formatDuration, formatSize } from '../kernel/units.ts';
import type { Platform } from '../platform/schema.ts';
import type { Domain } from './domains.ts';
import { type HostFacts, k3sPorts, type WantedPorts } from './facts.ts';
import { requireAvailable } from './postgresql.ts';

const gibibyte = 2 ** 30;
/** Seconds. apt refuses a package list of the future, certificates are not valid yet: nothing good comes of more. */
const clockTolerance = 300;

const least = { memory: 0.9 * gibibyte, freeDisk: 2 * gibibyte, pods: 0.5 * gibibyte } as const;

export function wantedPorts({ vpn }: Platform, domains: readonly Domain[]): WantedPorts {
  return { udp: vpn.port, tcp: domains.includes('orchestration') ? k3sPorts : [] };
}

/**
 * Refuses what cannot end well, before anything was changed.
 * @throws `host-unsupported`, `domain-needs-another`, `cluster-fixed`, `k3s-version`
 */
export function requireSupported(facts: HostFacts, platform: Platform, domains: readonly Domain[]): void {
  const { os, release, memory, freeDisk, busyPorts, clockAhead } = facts;
  if (os !== 'debian' || (release !== 12 && release !== 13)) {
    throw fail('host-unsupported', `the host runs ${os} ${release}, not Debian 12 or 13`);
  }
  if (memory < least.memory) throw fail('host-unsupported', `the host has ${formatSize(memory)} of memory`);
  if (freeDisk < least.freeDisk) {
    throw fail('host-unsupported', `/var of the host has ${formatSize(freeDisk)} left, and a run needs 2 GiB`, {
      next: 'free some space (`apt-get clean`, `journalctl --vacuum-size=100M`), then run `socle up` again',
    });
  }
  if (Math.abs(clockAhead) > clockTolerance) {
    const away = formatDuration(Math.abs(clockAhead) * 1_000);
    throw fail(
      'host-unsupported',
      `the host’s clock is ${away} ${clockAhead > 0 ? 'ahead of' : 'behind'} this machine’s`,
      {
        next: 'find out which one is wrong and set it, on the host with `sudo date -u -s "YYYY-MM-DD hh:mm:ss"`; then run `socle up` again',
      },
    );
  }
  if (busyPorts.length > 0) {
    throw fail('host-unsupported', `something else on the host has a port that is needed: ${busyPorts.join(', ')}`, {
      next: 'stop that program, or choose another `vpn.port`; K3s needs its own ports',
    });
  }
  if (domains.includes('orchestration')) requireSupportsCluster(facts, platform);
  if (domains.includes('ops') && platform.host) requireAvailable(platform.host.postgresql, release);
  if (!facts.network && !domains.includes('network')) {
    const what = domains.includes('orchestration') ? 'K3s' : 'the daemon';
    throw fail(
      'domain-needs-another',
      `the host has no confirmed firewall yet, and ${what} would open ports beside it`,
    );
  }
}

function requireSupportsCluster(facts: HostFacts, platform: Platform): void {
  const { architecture, memory, foreignK3s } = facts;
  const { cluster, drill } = platform;
  if (architecture !== 'x86_64') {
    throw fail('host-unsupported', `the host is ${architecture}, and the K3s that Socle knows is for x86_64`);
  }
  if (foreignK3s !== '') {
    throw fail('host-unsupported', `there is a K3s on the host that Socle did not install (${foreignK3s})`, {
      next: 'remove it with k3s-uninstall.sh once its data is safe, or use a fresh host',
    });
  }
  const reserved = (cluster?.reserved.memory ?? 0) + drill.limits.memory;
  if (memory < reserved + least.pods) {
    const what = `the host has ${formatSize(memory)} of memory, of which pods would never get ${formatSize(reserved)}`;
    throw fail('host-unsupported', what, {
      next: 'lower `cluster.reserved.memory` or `drill.limits.memory`, or take a host with 4 GB',
    });
  }
  // A build of one's own says its version on the host only, where the run asks it.
  if (cluster && cluster.mirror_sums === undefined) requireStep(facts.k3s, lock.k3s.version);
  if (cluster) requireSameCluster(facts, parse(planK3s(platform, cluster).files['config.yaml'] ?? ''));
}

function requireStep(from: string, to: string): void {
  const step = from === '' ? 'same' : stepBetween(from, to);
  if (step === 'down')
    throw fail('k3s-version', `the host runs K3s ${from}, and this Socle would install ${to}, which is older`);
  if (step === 'skips')
    throw fail('k3s-version', `the host runs K3s ${from}, and ${to} is more than one minor version newer`);
}

function requireSameCluster({ madeWith }: HostFacts, wanted: Readonly<Record<string, unknown>>): void {
  const changes = Object.entries(madeWith).filter(([key, value]) => String(wanted[key]) !== value);
  if (changes.length === 0) return;
  const told = changes.map(([key, value]) => `${key} is ${value}, and would be ${wanted[key]}`).join('; ');
  throw fail('cluster-fixed', `the cluster on the host keeps what it was made with: ${told}`);
}
