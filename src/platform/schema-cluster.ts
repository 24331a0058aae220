import { z } from 'zod';
import { parseSize } from '../kernel/units.ts';

/** The section of `platform.yaml` about K3s. */

const setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);

export const cluster = z.strictObject({
  node_name: z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'a name of lower-case letters, digits and hyphens')
    .optional()
    .describe('name of the node, whatever the host is called; default: the name of the platform'),
  reserved: z
    .strictObject({
      memory: z
        .string()
        .regex(/^\d+(\.\d+)?\s*(MiB|GiB)$/, 'a size such as 1GiB')
        .transform((text) => parseSize(text) ?? 0)
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
    })
    .prefault({})
    .describe('what Socle does not model'),
});
