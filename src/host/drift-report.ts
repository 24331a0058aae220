import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { formatDuration } from '../kernel/units.ts';

/** Where the host keeps its newest comparison: for everybody to read, so that it holds no secret. */
export const reportFile = '/var/lib/socle-drift/report.json';

/** One thing that is not as the roles say. */
export const deviationSchema = z.object({
  role: z.string().describe('the role that found it'),
  what: z.string().describe('the kind of thing: file, content, unit, kernel setting, WireGuard peer …'),
  where: z.string().describe('which one: a path, a name, a key'),
  expected: z.string(),
  found: z.string(),
  foreign: z
    .boolean()
    .optional()
    .describe('it is not Socle’s: `socle up` leaves it, and a person removes or accepts it'),
});
export type Deviation = z.output<typeof deviationSchema>;

/** How the host compares with its last provisioning run, as `ansible/host/socle-run drift` writes it. */
export const driftReportSchema = z.object({
  id: z.string().describe('of the run that compared; `socle runs show` knows it'),
  status: z.enum(['done', 'failed']).describe('failed: not everything could be looked at'),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  seconds: z.number(),
  only: z.array(z.string()).describe('the provisioning domains that were compared'),
  revision: z.string().nullable().describe('Git revision that the host was last made from'),
  fingerprint: z.string().nullable().describe('SHA-256 of the roles and variables of that run'),
  failed: z.array(z.object({ role: z.string(), task: z.string(), message: z.string().optional() })),
  deviations: z.array(deviationSchema),
});
export type DriftReport = z.output<typeof driftReportSchema>;

export const driftStateSchema = z.enum(['ok', 'drift', 'failing', 'overdue', 'never compared']);

/** What `socle drift show` prints and `/v1/drift` serves. */
export const driftSchema = z.object({
  state: driftStateSchema,
  detail: z.string().describe('one sentence: why it is in this state'),
  maxAgeMs: z.number().describe('a comparison older than this counts for nothing'),
  report: driftReportSchema.nullable(),
});
export type Drift = z.output<typeof driftSchema>;

const hour = 3_600_000;

/** Two comparisons may be missing, with their jitter; a third one is not. Milliseconds. */
export const maxAgeOf = (everyMs: number): number => 2 * everyMs + everyMs / 8 + hour;

/** Pure. The worst that is true is the state: an old report says nothing, and neither does half a look. */
export function judgeDrift(report: DriftReport | null, everyMs: number, now: Date): Drift {
  const maxAgeMs = maxAgeOf(everyMs);
  const is = (state: Drift['state'], detail: string): Drift => ({ state, detail, maxAgeMs, report });
  if (report === null) return is('never compared', 'the host was never compared with what it was made to be');
  const age = Math.max(0, now.getTime() - Date.parse(report.endedAt));
  const old = `${formatDuration(age)} old`;
  if (age > maxAgeMs) {
    return is('overdue', `the last comparison is ${old}, more than the ${formatDuration(maxAgeMs)} allowed`);
  }
  if (report.status === 'failed') {
    const [first] = report.failed;
    const where = first ? `${first.role}: ${first.task}` : 'Ansible';
    return is('failing', `the host could not be looked at whole (${where}); the look is ${old}`);
  }
  const [first, ...more] = report.deviations;
  if (first === undefined) return is('ok', `the host is as its last run made it; the comparison is ${old}`);
  const rest = more.length === 0 ? '' : `, and ${more.length} more`;
  const what = `${first.what} ${first.where}: ${first.found} instead of ${first.expected}`;
  return is('drift', `${what}${rest}; the comparison is ${old}`);
}

/** The newest comparison of this host; null when there was none. */
export async function readDriftReport(file = reportFile): Promise<DriftReport | null> {
  try {
    return driftReportSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
