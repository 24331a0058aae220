import { z } from 'zod';

/** What an operator has to know of the backups, or of the drills, of one database. */
export const stateSchema = z.enum(['ok', 'overdue', 'failing', 'never succeeded', 'off']);
export type State = z.infer<typeof stateSchema>;

/** How a check went, in the words of the health+json draft (inadarei-06). */
export const outcomeSchema = z.enum(['pass', 'warn', 'fail']);
export type Outcome = z.infer<typeof outcomeSchema>;

/** Scheduled runs of the last 30 days. A run that was missed counts as one that failed. */
export const successRateSchema = z.object({
  expected: z.number(),
  succeeded: z.number(),
  missed: z.number(),
  rate: z.number().describe('between 0 and 1'),
});
export type SuccessRate = z.infer<typeof successRateSchema>;

/** The state of one thing that is tracked: the backups of a database, its drills, the checks of the vault. */
export const trackedSchema = z.object({
  state: stateSchema,
  detail: z.string().describe('one sentence: why it is in this state'),
  withinTarget: z.boolean(),
  lastSuccessAt: z.iso.datetime().nullable(),
  lastFailureAt: z.iso.datetime().nullable(),
  lastDurationMs: z.number().nullable(),
  targetMs: z.number().nullable().describe('overdue when the last success is older than this'),
  nextAt: z.iso.datetime().nullable().describe('when the schedule starts the next run'),
  running: z.boolean(),
  successRate: successRateSchema.nullable().describe('of the last 30 days; null when none was expected'),
});
export type Tracked = z.infer<typeof trackedSchema>;

export const databaseStatusSchema = z.object({ name: z.string(), backups: trackedSchema, drills: trackedSchema });

/** Someone who is told about changes of state, and what has not reached them. */
export const notificationSchema = z.object({
  channel: z.enum(['mail', 'webhook']),
  recipient: z.string().describe('the mail address, or `webhook`'),
  state: z
    .enum(['ok', 'undelivered', 'refused'])
    .describe('undelivered: tried without success, and tried again; refused: given up, nothing has arrived since'),
  waiting: z.number().describe('messages that are still to be delivered'),
  refused: z.number().describe('messages given up since the last one that arrived'),
  since: z.iso.datetime().nullable().describe('when the oldest of them was written'),
  lastDeliveredAt: z.iso.datetime().nullable(),
  error: z.string().nullable().describe('what the server answered, or why there was no answer'),
});
export type Notification = z.infer<typeof notificationSchema>;

/** Everything that `socle status` shows, and what the API serves. Times in UTC. */
export const statusSchema = z.object({
  platform: z.string(),
  environment: z.enum(['dev', 'staging', 'prod']),
  timestamp: z.iso.datetime(),
  status: outcomeSchema,
  databases: z.array(databaseStatusSchema),
  integrity: trackedSchema.describe('the checks of the vault'),
  datastore: trackedSchema.nullable().describe('copies of the cluster in the vault; null without a cluster or a vault'),
  notifications: z.array(notificationSchema).default([]).describe('everyone who is told about changes of state'),
  copies: trackedSchema.nullable().describe('copies to the second vault; null without one'),
  retention: trackedSchema.nullable().describe('the removal of old backups; null without a vault'),
  daemon: z
    .object({ pid: z.number(), startedAt: z.iso.datetime(), running: z.boolean() })
    .nullable()
    .describe('null when it never ran'),
});
export type Status = z.infer<typeof statusSchema>;

/** The last result of a probe, with its age: never an answer that had to be waited for. */
export const componentSchema = z.object({
  name: z.string(),
  status: outcomeSchema,
  detail: z.string(),
  checkedAt: z.iso.datetime().nullable(),
  ageMs: z.number().nullable().describe('milliseconds since the result; null before the first one'),
  maxAgeMs: z.number().describe('a result older than this counts as a failure'),
  durationMs: z.number().nullable(),
  measured: z.record(z.string(), z.number()).describe('figures of the check, such as `bytes`'),
});
export type Component = z.infer<typeof componentSchema>;
