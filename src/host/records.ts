import { z } from 'zod';
import { fail } from '../kernel/errors.ts';
import { deviationSchema } from './drift-report.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';

const task = z.object({
  role: z.string(),
  task: z.string(),
  status: z.string(),
  seconds: z.number(),
  message: z.string().optional(),
});

/** Something that an uninstallation does not remove, and why. */
const staySchema = z.object({ what: z.string(), where: z.string(), why: z.string() });
export type Stay = z.output<typeof staySchema>;

/** One provisioning run, as the host keeps it. `ansible/host/socle-run` writes it. */
export const runRecord = z.object({
  id: z.string(),
  status: z.enum(['running', 'done', 'failed', 'interrupted']),
  check: z.boolean(),
  /** It compared the host with the last run, and was to change nothing. */
  drift: z.boolean().default(false),
  /** It took these domains off the host. */
  uninstall: z.boolean().default(false),
  only: z.array(z.string()),
  revision: z.string().nullable(),
  /** SHA-256 of the roles and their variables. */
  fingerprint: z.string().nullable().default(null),
  actor: z.string(),
  /** The SSH key that logged in for it, by its fingerprint, as the host's journal has it. */
  key: z.string().nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  seconds: z.number().nullable(),
  tasks: z.number(),
  changed: z.array(task),
  failed: z.array(task),
  /** What was found that is not as the roles say; a run that is no check puts it right. */
  deviations: z.array(deviationSchema).default([]),
  /** Of an uninstallation: what it did not remove. */
  stays: z.array(staySchema).default([]),
  /** Seconds by role. */
  roles: z.record(z.string(), z.number()),
});
export type RunRecord = z.output<typeof runRecord>;

const runEvent = z.object({
  /** `wait`: what a role waits for, in `text`. */
  event: z.enum(['task', 'result', 'wait']),
  role: z.string(),
  task: z.string(),
  status: z.string().optional(),
  text: z.string().optional(),
});
export type RunEvent = z.output<typeof runEvent>;

/** A line of `socle-run follow`: an event, or the record at the end; null when it did not even begin. */
export function parseLine(line: string): { event?: RunEvent; record?: RunRecord | null } {
  const value: unknown = JSON.parse(line);
  const ended = z.object({ record: runRecord.nullable() }).safeParse(value);
  return ended.success ? ended.data : { event: runEvent.parse(value) };
}

const program = '/var/lib/socle/bundles/current/host/socle-run';

/** Prints all runs as JSON, newest first. */
export const recordsScript = `if test -e ${program}; then ${program} records; else echo '[]'; fi`;

/** All runs of a host, newest first. */
export async function readRecords(target: SshTarget, way: Way, signal?: AbortSignal): Promise<RunRecord[]> {
  const { stdout } = await execAsRoot(target, way, recordsScript, { timeout: 60_000, signal });
  return z.array(runRecord).parse(JSON.parse(stdout));
}

/** @throws `not-found` */
export function recordNamed(records: readonly RunRecord[], id: string): RunRecord {
  const record = id === 'last' ? records[0] : records.find((one) => one.id === id);
  if (record) return record;
  throw fail('not-found', `the host has no run ${id}`, { next: '`socle runs list` shows them' });
}
