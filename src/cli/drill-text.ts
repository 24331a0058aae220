import type { Difference, DrillReport, Proof, TableProof, Verdict } from '../drill/schema.ts';
import type { DrillSummary } from '../drill/summary.ts';
import { formatDuration, formatSize } from '../kernel/units.ts';
import { bad, faint, good, strong, warn } from './paint.ts';
import { pairs, table } from './table.ts';
import type { When } from './when.ts';

const paint: Readonly<Record<Verdict, (text: string) => string>> = {
  proven: good,
  mismatch: bad,
  'artifact-damaged': bad,
  'source-inconsistent': bad,
  'not-tested': warn,
};

const words = (text: string) => text.replaceAll('-', ' ');

/** One line per drill. */
export function drillTable(drills: readonly DrillSummary[], when: When): string {
  if (drills.length === 0) return 'no drills yet: `socle drill run` restores the newest backup and proves it';
  return table(
    ['id', 'database', 'started', 'verdict', 'level', 'recovery', 'data loss', 'backup'],
    drills.map((drill) => [
      drill.id,
      drill.database,
      when(drill.startedAt),
      drill.failure?.code === 'interrupted' ? warn('interrupted') : paint[drill.verdict](words(drill.verdict)),
      drill.level === null ? '' : words(drill.level),
      drill.recoveryTime ? formatDuration(drill.recoveryTime.ms) : '',
      drill.dataLoss ? formatDuration(drill.dataLoss.ms) : '',
      drill.backup,
    ]),
    [5, 6],
  );
}

/** The report of one drill. `whole` lists every table, otherwise only those that differ. */
export function drillText(report: DrillReport, whole: boolean, when: When): string {
  const { recoveryTime, dataLoss, timings, failure } = report;
  const target = (one: { met: boolean; targetMs: number }) =>
    `${one.met ? good('within') : bad('over')} the target of ${formatDuration(one.targetMs)}`;
  const head = pairs([
    ['drill', report.id],
    ['verdict', strong(paint[report.verdict](words(report.verdict)))],
    ['level', report.level === null ? null : words(report.level)],
    ['not compared', notCompared(report.proof)],
    ['failure', failure && `${failure.message} (${failure.code})`],
    ['next', failure?.next],
    ['database', report.database],
    ['started', when(report.startedAt)],
    ['backup', `${report.backup} of ${when(report.backupAt)}, ${formatSize(report.artifact.bytes)}`],
    ['recovery', recoveryTime && `${formatDuration(recoveryTime.ms)}, ${target(recoveryTime)}`],
    ['data loss', dataLoss && `${formatDuration(dataLoss.ms)} (${dataLoss.measuredBy}), ${target(dataLoss)}`],
    [
      'took',
      `${formatDuration(timings.total)}: fetch ${formatDuration(timings.fetch)}, restore ${formatDuration(timings.restore)}, proof ${formatDuration(timings.proof)}`,
    ],
    [
      'scratch',
      `${report.scratch.sandbox}${report.scratch.serverVersion ? `; PostgreSQL ${report.scratch.serverVersion}` : ''}`,
    ],
    ['notes', [...report.notes, ...(report.proof?.notes ?? [])].join('\n') || null],
  ]);
  const quoted = failure?.output?.split('\n').map((line) => `  | ${line}`) ?? [];
  const proof = report.proof ? proofText(report.proof, whole) : [];
  return [head, ...(quoted.length > 0 ? [quoted.join('\n')] : []), ...proof].join('\n\n');
}

/** Beside the verdict: what it says nothing about, one thing a line. */
export function notCompared(proof: Proof | null): string | null {
  const lines = (proof?.notCompared ?? []).map(({ what, why }) => `${what} ${faint(`(${why})`)}`);
  return lines.length > 0 ? lines.join('\n') : null;
}

/** What was compared, and what differs. */
export function proofText(proof: Proof, whole: boolean): string[] {
  const differing = proof.checks.filter((check) => check.differences > 0);
  const checks = table(
    ['proof', 'compared', 'differences'],
    proof.checks.map((check) => [
      check.name,
      String(check.count),
      check.differences === 0 ? good('0') : bad(String(check.differences)),
    ]),
    [1, 2],
  );
  const rows = whole
    ? proof.tables
    : proof.tables.filter(
        (one) => one.result === 'different' || one.source === 'different' || one.generated.length > 0,
      );
  const tables = table(
    ['table', 'rows', 'size', 'against the artifact', 'against the source'],
    rows.map((one) => [one.name, String(one.rows), formatSize(one.bytes), againstArtifact(one), againstSource(one)]),
    [1, 2],
  );
  const respelled = proof.respelled.map(({ kind, object }) => `${kind} ${object}`).join(', ');
  return [
    checks,
    ...(rows.length > 0 ? [tables] : []),
    ...(respelled ? [`respelled (the same meaning in other words): ${respelled}`] : []),
    ...(differing.length > 0 || proof.differences.length > 0 ? [differencesText(proof)] : []),
  ];
}

/** A materialized view has no rows in an archive: it is compared with the source alone. */
function againstArtifact({ result, method }: TableProof): string {
  if (result === 'different') return bad(result);
  if (result === 'not compared') return faint(result);
  return good(method === 'multiset' ? 'identical, in another order' : result);
}

function againstSource({ source, generated }: TableProof): string {
  if (source === null) return faint('not hashed there');
  if (source === 'different') return bad(source);
  return generated.length === 0
    ? good(source)
    : bad(`${generated.join(', ')} differ${generated.length === 1 ? 's' : ''}`);
}

function differencesText({ differences, differencesTotal }: Proof): string {
  const lines = differences.map((one) => `  ${bad(one.problem)}  ${differenceText(one)}`);
  const more = differencesTotal > differences.length ? [`  and ${differencesTotal - differences.length} more`] : [];
  return ['differences:', ...lines, ...more].join('\n');
}

/** `rows shop.orders, id=42, column total: expected 10.00, found 10.01` */
export function differenceText(one: Difference): string {
  const where = [
    `${one.kind} ${one.object}`,
    one.row,
    one.column === null ? null : `column ${one.column}`,
    one.property,
  ];
  const values = [
    one.expected === null ? null : `expected ${one.expected}`,
    one.found === null ? null : `found ${one.found}`,
  ];
  const [place, detail] = [where, values].map((parts) => parts.filter((part) => part !== null).join(', '));
  return detail ? `${place}: ${detail}` : `${place}`;
}
