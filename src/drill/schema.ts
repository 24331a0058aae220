import { z } from 'zod';

/** How far the proof went. Each includes the one before it. */
export const levels = ['restored', 'identical-to-artifact', 'identical-to-source'] as const;
export const levelSchema = z.enum(levels);
export type Level = z.infer<typeof levelSchema>;

/** One difference, named. `row` and `column` where it is about a value; values only when asked for. */
export const differenceSchema = z.object({
  /** Kind of the object, as in the inventory, or `rows`, `large object`, `server`. */
  kind: z.string(),
  /** The object, or the table. */
  object: z.string(),
  problem: z.enum(['missing', 'extra', 'changed']),
  /** The property of the object that differs, such as `definition` or `owner`; or a short reason. */
  property: z.string().nullable(),
  /** The row by its key where the key is a number, date or UUID, else by its place in the artifact: `id=42`, `row 17`. */
  row: z.string().nullable(),
  column: z.string().nullable(),
  expected: z.string().nullable(),
  found: z.string().nullable(),
});
export type Difference = z.infer<typeof differenceSchema>;

/** How one table compared. */
export const tableProofSchema = z.object({
  name: z.string(),
  rows: z.number(),
  bytes: z.number(),
  /** `stream`: byte for byte; `multiset`: equal but for the order of rows or columns. */
  method: z.enum(['stream', 'multiset', 'none']),
  result: z.enum(['identical', 'different', 'not compared']),
  /** Equal to the hash that the source computed in its snapshot by SQL. Null without a deep backup. */
  source: z.enum(['identical', 'different']).nullable(),
  /** Generated columns that are not what the source hashed: a restore computes them again. */
  generated: z.array(z.string()).default([]),
});
export type TableProof = z.infer<typeof tableProofSchema>;

/** One line of the proof's summary: a kind of object, how many, how many differ. */
export const checkSchema = z.object({ name: z.string(), count: z.number(), differences: z.number() });

export const proofSchema = z.object({
  /** Highest level that holds; null when even `restored` does not. */
  level: levelSchema.nullable(),
  tables: z.array(tableProofSchema),
  checks: z.array(checkSchema),
  /** Objects whose text differs after a correct restore and means the same: listed, not failed. */
  respelled: z.array(z.object({ kind: z.string(), object: z.string() })),
  differences: z.array(differenceSchema),
  /** How many there were; `differences` holds the first 200. */
  differencesTotal: z.number(),
  /** What is legitimately different, such as the version of a collation: worth knowing, and no failure. */
  notes: z.array(z.string()),
  /** What was not compared, and why: the verdict says nothing about it. */
  notCompared: z.array(z.object({ what: z.string(), why: z.string() })).default([]),
});
export type Proof = z.infer<typeof proofSchema>;

/** `proven`: the proof holds. `not-tested`: the environment failed, which says nothing about the backup. */
export const verdictSchema = z.enum(['proven', 'mismatch', 'artifact-damaged', 'source-inconsistent', 'not-tested']);
export type Verdict = z.infer<typeof verdictSchema>;

/** Milliseconds. Recovery time is fetch + restore; the proof comes on top and is not part of it. */
export const drillTimings = z.object({
  preflight: z.number(),
  fetch: z.number(),
  restore: z.number(),
  proof: z.number(),
  cleanup: z.number().default(0).describe('destroying the scratch server'),
  total: z.number(),
});

export const drillReportSchema = z.object({
  format: z.literal('socle-drill/1'),
  id: z.string(),
  platform: z.string(),
  database: z.string(),
  backup: z.string(),
  backupAt: z.iso.datetime(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  verdict: verdictSchema,
  level: levelSchema.nullable(),
  /** What went wrong, in one sentence, with what to do next. Null when proven. */
  failure: z
    .object({
      code: z.string(),
      message: z.string(),
      next: z.string(),
      output: z.string().optional().describe('last lines of the log that `next` speaks of, without values of rows'),
    })
    .nullable(),
  recoveryTime: z.object({ ms: z.number(), targetMs: z.number(), met: z.boolean() }).nullable(),
  dataLoss: z
    .object({
      /** Drill's start minus the newest restored heartbeat row, or minus the snapshot's moment. */
      ms: z.number(),
      measuredBy: z.enum(['heartbeat', 'snapshot']),
      longestGapMs: z.number().nullable().describe('between good backups in the last 30 days'),
      targetMs: z.number(),
      met: z.boolean(),
    })
    .nullable(),
  timings: drillTimings,
  proof: proofSchema.nullable(),
  /** How the scratch server was fenced in. */
  scratch: z.object({
    sandbox: z.string(),
    serverVersion: z.string().nullable(),
    memoryLimit: z.number(),
    diskLimit: z.number(),
    peakMemory: z.number().nullable(),
    peakDisk: z.number().nullable(),
  }),
  artifact: z.object({
    bytes: z.number(),
    sha256: z.string().describe('empty when the drill was interrupted'),
  }),
  notes: z.array(z.string()).describe('such as: logins need new passwords'),
});
export type DrillReport = z.infer<typeof drillReportSchema>;
