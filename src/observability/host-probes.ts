import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { formatDuration } from '../kernel/units.ts';
import type { Platform } from '../platform/schema.ts';
import type { Finding, Probe } from './probe-board.ts';

const unknown = z.object({ error: z.string() });

/** What `/usr/local/lib/socle/facts` of a host writes every half minute: only root sees these things. */
export const hostFactsSchema = z.object({
  /** Seconds since boot when it was written: no clock that jumps makes it young or old. */
  uptime: z.number(),
  vpn: unknown.or(
    z.object({
      /** The private address lies on `lo`. */
      address: z.boolean(),
      port: z.number(),
      /** `lastHandshake` in seconds since 1970; null when there was none since the tunnel was made. */
      peers: z.array(z.object({ publicKey: z.string(), lastHandshake: z.number().nullable() })),
    }),
  ),
  /** As in `src/host/settle.ts`. */
  firewall: unknown.or(
    z.object({ confirmed: z.string(), current: z.boolean(), loaded: z.boolean(), trial: z.boolean() }),
  ),
  /** Null without a cluster. */
  kubernetes: z
    .null()
    .or(unknown)
    .or(
      z.object({
        nodes: z.array(z.object({ name: z.string(), version: z.string(), ready: z.boolean() })),
        deployments: z.array(z.object({ name: z.string(), available: z.number() })),
      }),
    ),
});
export type HostFacts = z.output<typeof hostFactsSchema>;

/** Two rounds may be missing, a third one is not. */
const maxAgeSeconds = 100;

/** `vpn`, `firewall` and, with a cluster, `kubernetes`, by the facts that a unit of root writes into `file`. */
export function hostProbes(platform: Platform, file: string): Probe[] {
  const probe = (name: string, judge: (facts: HostFacts) => Finding): Probe => ({
    name,
    everyMs: 10_000,
    timeoutMs: 5_000,
    async check() {
      const facts = hostFactsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
      const uptime = Number.parseFloat(await readFile('/proc/uptime', 'utf8'));
      const age = Math.max(0, uptime - facts.uptime);
      if (age <= maxAgeSeconds) return judge(facts);
      return { status: 'fail', detail: `root’s facts are ${formatDuration(age * 1_000)} old: see socle-facts.timer` };
    },
  });
  return [
    probe('vpn', (facts) => judgeVpn(facts, platform)),
    probe('firewall', judgeFirewall),
    ...(platform.cluster ? [probe('kubernetes', judgeKubernetes)] : []),
  ];
}

const failing = (detail: string): Finding => ({ status: 'fail', detail });

/** A peer that is away is no failure; how long ago each was seen is data. */
export function judgeVpn({ vpn }: HostFacts, platform: Pick<Platform, 'vpn'>): Finding {
  if ('error' in vpn)
    return failing(
      `the tunnel wg0 cannot be read: ${vpn.error}; the host puts it right within a minute, else boot it with socle.rescue=1`,
    );
  if (!vpn.address) return failing('the private address does not lie on lo: see socle-address.service');
  const names = new Map(platform.vpn.peers.map(({ name, public_key }) => [public_key, name]));
  const seen = vpn.peers.flatMap(({ publicKey, lastHandshake }) =>
    lastHandshake === null ? [] : [[`lastHandshake:${names.get(publicKey) ?? publicKey}`, lastHandshake] as const],
  );
  const peers = vpn.peers.length === 1 ? 'a peer' : `${vpn.peers.length} peers`;
  return {
    status: 'pass',
    detail: `wg0 answers on UDP ${vpn.port} to ${peers}, of which ${seen.length} came since it was made`,
    measured: { peers: vpn.peers.length, ...Object.fromEntries(seen) },
  };
}

/** Something that is being tried is no failure; something that somebody changed is. */
export function judgeFirewall({ firewall }: HostFacts): Finding {
  if ('error' in firewall) return failing(`the firewall cannot be read: ${firewall.error}`);
  const { confirmed, current, loaded, trial } = firewall;
  if (!loaded) return failing('the kernel does not have the ruleset that Socle loaded last: it was changed or removed');
  if (trial) return { status: 'warn', detail: 'a ruleset is being tried, and nobody has confirmed it yet' };
  if (confirmed === '') return failing('no ruleset was ever confirmed: a reboot brings none');
  if (!current) return { status: 'warn', detail: 'the confirmed ruleset is not what was written last: run `socle up`' };
  const ssh = confirmed === 'closed' ? 'SSH answers through the VPN only' : 'SSH answers in public';
  return { status: 'pass', detail: `the confirmed ruleset is loaded unchanged; ${ssh}` };
}

/** Node, CoreDNS and the provisioner of volumes. */
export function judgeKubernetes({ kubernetes }: HostFacts): Finding {
  if (kubernetes === null) return failing('there is no cluster on this host yet: run `socle up`');
  if ('error' in kubernetes) return failing(`the Kubernetes API does not answer: ${kubernetes.error}`);
  const away = kubernetes.nodes.filter(({ ready }) => !ready).map(({ name }) => name);
  if (kubernetes.nodes.length === 0 || away.length > 0) return failing(`the node ${away.join(', ')} is not Ready`);
  const needed = ['coredns', 'local-path-provisioner'];
  const missing = needed.filter(
    (name) => !kubernetes.deployments.some((one) => one.name === name && one.available > 0),
  );
  if (missing.length > 0) return failing(`not available: ${missing.join(', ')}`);
  const { name, version } = kubernetes.nodes[0] ?? {};
  return { status: 'pass', detail: `${name} is Ready (${version}), with DNS and volumes` };
}
