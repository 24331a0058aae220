import { z } from 'zod';
import { cron, duration, privateNetwork, size } from './schema-values.ts';

/** The section of `platform.yaml` about K3s. */

const setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);

/** At least the /24 that K3s gives a node's pods. */
const network = privateNetwork(12, 24, '10.42.0.0/16');

export const cluster = z.strictObject({
  node_name: z
    .string()
    .regex(
      /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
      'a name of at most 40 lower-case letters, digits and inner hyphens that starts with a letter',
    )
    .optional()
    .describe('name of the node, whatever the host is called; default: the name of the platform'),
  networks: z
    .strictObject({
      pods: network.default('10.42.0.0/16').describe('addresses of pods: nobody outside the cluster reaches them'),
      services: network.default('10.43.0.0/16').describe('addresses of services: peers of the VPN reach them'),
    })
    .prefault({})
    .describe('networks inside the cluster; a cluster keeps those that it was made with'),
  reserved: z
    .strictObject({
      memory: size('1GiB', 'MiB|GiB')
        .prefault('1GiB')
        .describe('memory for the system and K3s itself; what a drill may take (`drill.limits.memory`) comes on top'),
      cpu: z
        .string()
        .regex(/^[1-9]\d{0,4}m$/, 'thousandths of a processor such as 250m')
        .default('250m')
        .describe('processor time for the system, in thousandths'),
    })
    .prefault({})
    .describe('what pods never get'),
  datastore: z
    .strictObject({
      schedule: cron('when the cluster’s datastore is copied into the vault').default('45 1 * * *'),
      rpo: duration('26h').prefault('26h').describe('target: a copy older than this is overdue'),
      keep: z.number().int().min(1).max(1000).default(14).describe('how many copies stay in the vault'),
    })
    .prefault({})
    .describe('copies of the cluster: its datastore, token, keys and certificates; they need `backup.vault`'),
  mirror_sums: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'a SHA-256: 64 hexadecimal digits, as `sha256sum SHA256SUMS` prints them')
    .optional()
    .describe('SHA-256 of the artifact mirror’s own SHA256SUMS: its checksums then count instead of Socle’s'),
  k3s: z
    .strictObject({
      config: z
        .record(z.string().regex(/^[a-z0-9][a-z0-9-]*\+?$/, 'a key of K3s’ config.yaml'), setting)
        .default({})
        .describe('further keys of K3s’ config.yaml, which win over Socle’s; `key+` adds to a list'),
      upgrade_wait: duration('5m')
        .prefault('5m')
        .describe('how long the node may take to be ready with another K3s before program and datastore go back'),
    })
    .prefault({})
    .describe('what Socle does not model'),
});
