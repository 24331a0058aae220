import { z } from 'zod';
import { fingerprint, inventorySchema, rowCount } from '../database/inventory-schema.ts';

/** Milliseconds of each part of a backup. */
export const backupTimings = z.object({
  inventory: z.number(),
  /** From the start of pg_dump until restic has stored the last byte. */
  dump: z.number(),
  readBack: z.number(),
  total: z.number(),
});

/** Where the SQL of the roles lies, beside the manifest. */
export const rolesPath = '/roles.sql';

/**
 * The commit record of a backup: `manifest.json` in a restic snapshot of its own, written last. A dump without one
 * does not count. Everything that a restore without Socle needs is named here.
 */
export const manifestSchema = z.object({
  format: z.literal('socle-backup/1'),
  id: z.string(),
  platform: z.string(),
  /** Socle's name of the database. */
  database: z.string(),
  /** Moment of the exported snapshot: what was committed before it is in the backup. */
  snapshotAt: z.iso.datetime(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  dump: z.object({
    /** restic snapshot and the tree in it (the tree's id survives `restic tag` and `restic copy`). */
    snapshot: z.string(),
    tree: z.string(),
    /** Path of the file in the restic snapshot, such as `/shop.dump`. */
    path: z.string(),
    format: z.literal('pg_dump custom'),
    /** Bytes of the archive, and SHA-256 of all of them in hexadecimal. */
    bytes: z.number(),
    sha256: z.string(),
    /** Bytes that the vault grew by. */
    addedBytes: z.number(),
  }),
  /** Path of the SQL that creates roles, beside this manifest, and its SHA-256. */
  roles: z.object({ path: z.string(), sha256: z.string(), passwords: z.boolean() }),
  versions: z.object({ socle: z.string(), pgDump: z.string(), restic: z.string(), server: z.string() }),
  inventory: inventorySchema,
  /** Rows per relation in the snapshot, counted on the source. */
  counts: z.array(rowCount),
  /** Only of a deep backup: every relation hashed on the source. */
  fingerprints: z.array(fingerprint).nullable(),
  /** Newest `socle.heartbeat` row in the snapshot; null where the daemon may not write one. */
  heartbeatAt: z.iso.datetime().nullable(),
  /** Data or objects that the archive lacks although the inventory has them: such a backup is `incomplete`. */
  missing: z.array(z.string()),
  warnings: z.array(z.string()),
  timings: backupTimings,
});
export type Manifest = z.infer<typeof manifestSchema>;

export const backupStatus = z.enum(['running', 'good', 'incomplete', 'failed', 'damaged']);
export const proofStatus = z.enum(['unproven', 'restored', 'identical-to-artifact', 'identical-to-source', 'mismatch']);
/** `partial`: what was read is whole, and not all of it was read; `detail` says how much. */
export const integrityCheck = z.object({
  at: z.iso.datetime(),
  result: z.enum(['pass', 'partial', 'fail']),
  detail: z.string(),
});

/** DS-1: what is known of one backup. Sizes in bytes, durations in milliseconds, times in UTC. */
export const backupSchema = z.object({
  id: z.string(),
  database: z.string(),
  timestamp: z.iso.datetime().describe('moment of the PostgreSQL snapshot'),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  status: backupStatus,
  size: z.object({ logical: z.number(), added: z.number() }).nullable(),
  retention: z.object({ class: z.array(z.string()), held: z.string().nullable() }).describe('why it is kept'),
  durationMs: z.number().nullable(),
  timings: backupTimings.nullable(),
  versions: manifestSchema.shape.versions.nullable(),
  deep: z.boolean(),
  rows: z.number().nullable(),
  tables: z.number().nullable(),
  proof: z.object({ status: proofStatus, drill: z.string().nullable(), at: z.iso.datetime().nullable() }),
  integrity: z.object({
    presence: integrityCheck.nullable(),
    structure: integrityCheck.nullable(),
    data: integrityCheck.nullable(),
  }),
  copiedAt: z.iso.datetime().nullable(),
  warnings: z.array(z.string()),
  missing: z.array(z.string()),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type Backup = z.infer<typeof backupSchema>;
