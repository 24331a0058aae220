import type { Backup, Manifest } from '../backup/schema.ts';
import type { SocleError } from '../kernel/errors.ts';
import type { Attempt } from './attempt.ts';
import { dataLoss, recoveryTime } from './measure.ts';
import type { DrillReport, Proof, Verdict } from './schema.ts';

export interface DrillFacts {
  readonly id: string;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly totalMs: number;
  /** Targets, ms. */
  readonly rto: number;
  readonly rpo: number;
  readonly longestGapMs: number | null;
}

/** The report of one drill, from what was found out. */
export function drillReport(manifest: Manifest, result: Attempt, facts: DrillFacts): DrillReport {
  const { timings, restored, fault } = result;
  const proof = result.proof?.value ?? null;
  const failure = result.failure ?? fault?.failure ?? null;
  return {
    format: 'socle-drill/1',
    id: facts.id,
    platform: manifest.platform,
    database: manifest.database,
    backup: manifest.id,
    backupAt: manifest.snapshotAt,
    startedAt: facts.startedAt.toISOString(),
    finishedAt: facts.finishedAt.toISOString(),
    verdict: verdict(result),
    level: proof?.level ?? (restored ? 'restored' : null),
    failure: failure === null ? mismatch(proof) : described(failure),
    recoveryTime: restored ? recoveryTime(timings, facts.rto) : null,
    dataLoss: restored
      ? dataLoss({
          startedAt: facts.startedAt,
          heartbeatAt: result.heartbeatAt,
          snapshotAt: new Date(manifest.snapshotAt),
          longestGapMs: facts.longestGapMs,
          targetMs: facts.rpo,
        })
      : null,
    timings: { ...timings, total: facts.totalMs },
    proof,
    scratch: result.scratch,
    artifact: { bytes: manifest.dump.bytes, sha256: manifest.dump.sha256 },
    notes: result.notes,
  };
}

/** Any failure is "not tested": to accuse, it takes a fault that two attempts showed, or a comparison that came to its end. */
function verdict({ failure, fault, proof }: Pick<Attempt, 'failure' | 'fault' | 'proof'>): Verdict {
  if (failure !== null) return 'not-tested';
  if (fault !== null) return fault.accusation;
  if (proof === null) return 'not-tested';
  return proof.value.differencesTotal === 0 ? 'proven' : 'mismatch';
}

function described(error: SocleError): NonNullable<DrillReport['failure']> {
  const { next, output } = error.details;
  const quoted = typeof output === 'string' ? withoutValues(output) : '';
  return {
    code: error.code,
    message: error.message,
    next: typeof next === 'string' ? next : error.failure.next,
    ...(quoted === '' ? {} : { output: quoted }),
  };
}

/** A log without the lines in which PostgreSQL quotes rows and statements: the report goes to the vault, and may be sent. */
function withoutValues(log: string): string {
  const lines = log
    .split('\n')
    .filter((line) => line.trim() !== '' && !/\b(DETAIL|CONTEXT|STATEMENT|QUERY):/.test(line));
  return lines.slice(-12).join('\n');
}

function mismatch(proof: Proof | null): DrillReport['failure'] {
  const [first] = proof?.differences ?? [];
  if (proof === null || first === undefined) return null;
  const where = [first.row, first.column].filter((part) => part !== null).join(', ');
  const more = proof.differencesTotal > 1 ? `, and ${proof.differencesTotal - 1} more` : '';
  const named = `${first.kind} ${first.object}${where === '' ? '' : ` (${where})`} is ${first.problem}${more}`;
  return {
    code: 'not-identical',
    message: `the restored database is not what was backed up: ${named}`,
    next: 'see the differences in the report, and take a new backup with `socle backup run`',
  };
}

const strength: readonly Backup['proof']['status'][] = [
  'unproven',
  'restored',
  'identical-to-artifact',
  'identical-to-source',
];

/**
 * What a drill changes of what is known of its backup. A drill that could not test changes nothing, and a weaker proof
 * does not take back a stronger one.
 */
export function changeOfBackup(backup: Backup, { id, finishedAt, verdict, level }: DrillReport): Partial<Backup> {
  const proof = (status: Backup['proof']['status']) => ({ proof: { status, drill: id, at: finishedAt } });
  switch (verdict) {
    case 'proven': {
      const known = backup.proof.status === 'mismatch' ? 'unproven' : backup.proof.status;
      const better = strength.indexOf(level ?? 'unproven') >= strength.indexOf(known);
      const whole = backup.status === 'damaged' ? { status: 'good' as const } : {};
      return { ...whole, ...proof(better && level !== null ? level : known) };
    }
    case 'mismatch':
      return proof('mismatch');
    case 'artifact-damaged':
      return { status: 'damaged' };
    default:
      return {};
  }
}
