import { z } from 'zod';

/** DS-3: one privileged action. */
export const operationSchema = z.object({
  id: z.string(),
  /** Such as `backup.run`, `drill.run`, `backup.prune`, `vault.init`, `restore`. */
  action: z.string(),
  /** Who: `cli:<user>` or `scheduler`. */
  actor: z.string(),
  /** What it acted on, such as a database or a backup id. */
  subject: z.string().nullable(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  result: z.enum(['running', 'ok', 'failed', 'interrupted']),
  durationMs: z.number().nullable(),
  /** Failure code and message, without secrets. */
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type Operation = z.infer<typeof operationSchema>;
