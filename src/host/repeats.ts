import type { RunRecord } from './records.ts';
import { loaded } from './settle.ts';

/** The share of repeated runs that are to change nothing (MO-2). */
export const repeatTarget = 0.95;

/** How repeated runs went: of those that had nothing to do, how many did nothing. */
export interface Repeats {
  /** Runs that were counted: the newest ones. */
  readonly repeated: number;
  readonly unchanged: number;
  /** Between 0 and 1; null when no run was repeated. */
  readonly rate: number | null;
  readonly target: number;
  /** Of those counted without a break, newest first: how many changed nothing. */
  readonly consecutive: number;
  /** Those that changed something, or did not end well. */
  readonly unexpected: readonly Pick<RunRecord, 'id' | 'status' | 'changed' | 'deviations'>[];
}

/**
 * Pure. A run is a repetition when everything before it, back to one that provisioned the same domains, was done with
 * the same roles, variables and Git revision: it has nothing to do, unless somebody changed the host. Checks and
 * comparisons change nothing and do not count.
 * @param records newest first
 * @param last how many repetitions are looked at
 */
export function repeats(records: readonly RunRecord[], last: number): Repeats {
  const runs = records.filter(({ check, status }) => !check && status !== 'running');
  const repeated = runs
    .filter((run, index) => {
      const before = runs.slice(index + 1);
      return !run.uninstall && !closesAtLast(run, before) && isRepetition(run, before);
    })
    .slice(0, last);
  const asBefore = ({ status, changed }: RunRecord) => status === 'done' && changed.length === 0;
  const unchanged = repeated.filter(asBefore).length;
  const firstChange = repeated.findIndex((run) => !asBefore(run));
  return {
    repeated: repeated.length,
    unchanged,
    rate: repeated.length === 0 ? null : unchanged / repeated.length,
    target: repeatTarget,
    consecutive: firstChange === -1 ? repeated.length : firstChange,
    unexpected: repeated
      .filter((run) => !asBefore(run))
      .map(({ id, status, changed, deviations }) => ({ id, status, changed, deviations })),
  };
}

/** SSH closes in public once somebody came through the VPN: the first run that does so completes the one that could not. */
function closesAtLast({ changed }: RunRecord, before: readonly RunRecord[]): boolean {
  const closes = (one: RunRecord['changed'][number]) => one.task === loaded.closed;
  return changed.length > 0 && changed.every(closes) && !before.some((run) => run.changed.some(closes));
}

function isRepetition(run: RunRecord, before: readonly RunRecord[]): boolean {
  const left = new Set(run.only);
  for (const earlier of before) {
    const same = earlier.fingerprint === run.fingerprint && earlier.revision === run.revision;
    if (earlier.uninstall || earlier.status !== 'done' || !same || run.fingerprint === null) return false;
    for (const domain of earlier.only) left.delete(domain);
    if (left.size === 0) return true;
  }
  return false;
}
