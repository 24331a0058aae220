import { once } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { BackupCatalog } from '../backup/catalog.ts';
import type { Backup } from '../backup/schema.ts';
import type { Vault } from '../backup/vault.ts';
import { destroyLeftovers } from '../database/scratch-place.ts';
import { recordOperation } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { acquireLock } from '../kernel/lock.ts';
import type { Progress } from '../kernel/progress.ts';
import { formatDuration } from '../kernel/units.ts';
import { drillLimits, patience } from '../platform/drill-limits.ts';
import { statePaths } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';
import { findArtifact } from './artifact.ts';
import { type Attempt, type AttemptInput, attempt } from './attempt.ts';
import { chooseBackup } from './choose.ts';
import { interruptedReport, markInterruptedDrills } from './interrupted.ts';
import { longestGap } from './measure.ts';
import { changeOfBackup, drillReport } from './report.ts';
import { keepReport } from './report-keep.ts';
import type { DrillReport } from './schema.ts';
import { DrillStore } from './store.ts';

export interface DrillRequest {
  readonly platform: Platform;
  readonly database?: string | undefined;
  /** Id of a backup; default: the newest good one. */
  readonly backup?: string | undefined;
  /** Prove it against the source as well. */
  readonly deep: boolean;
  /** Values of rows may stand in the report. */
  readonly showValues: boolean;
  readonly actor: string;
}

export interface DrillDeps {
  readonly db: DatabaseSync;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  readonly beforeProof?: AttemptInput['beforeProof'];
}

/**
 * Restores a backup onto an empty scratch server, proves it and measures it. The report is kept here and in the vault,
 * whatever the verdict: a drill that could not test says so. One drill runs at a time.
 * @throws `usage`, `not-found`, `no-backup`, `busy`, `interrupted`, and what the vault says when it cannot be asked
 */
export async function runDrill(request: DrillRequest, deps: DrillDeps): Promise<DrillReport> {
  const { platform } = request;
  const { db, clock } = deps;
  const catalog = new BackupCatalog(db);
  const names = platform.databases.map(({ name }) => name);
  const backup = chooseBackup(catalog.list(), names, request);
  using _lock = acquireLock(db, 'drill');
  markInterruptedDrills(db, clock);
  await destroyLeftovers(statePaths(platform).scratch);
  const operation = { action: 'drill.run', actor: request.actor, subject: backup.id };
  // Awaited here: the lock is held until it ends.
  return await recordOperation(db, clock, operation, () => recordedDrill(request, deps, catalog, backup));
}

/** However it ends, the list of drills knows of it; only one that could not even ask the vault leaves no entry. */
async function recordedDrill(
  request: DrillRequest,
  deps: DrillDeps,
  catalog: BackupCatalog,
  backup: Backup,
): Promise<DrillReport> {
  const { db, clock } = deps;
  const store = new DrillStore(db);
  const startedAt = clock.now();
  const began = clock.monotonic();
  const id = newId('d', startedAt);
  const unless = interruptedReport(backup, request.platform, id, startedAt);
  store.begin(unless);
  try {
    return await drill(request, deps, { catalog, backup, store, id, startedAt, began });
  } catch (error) {
    const timings = { ...unless.timings, total: Math.round(clock.monotonic() - began) };
    const ended = { ...unless, finishedAt: clock.now().toISOString(), timings };
    if (deps.signal?.aborted) store.save(ended);
    else if (error instanceof SocleError && error.code === 'drill-timeout') {
      store.save({ ...ended, failure: { code: error.code, message: error.message, next: error.failure.next } });
    } else store.forget(id);
    throw error;
  }
}

/** A drill that has begun. */
interface Begun {
  readonly catalog: BackupCatalog;
  readonly backup: Backup;
  readonly store: DrillStore;
  readonly id: string;
  readonly startedAt: Date;
  /** Monotonic. */
  readonly began: number;
}

async function drill(
  { platform, showValues }: DrillRequest,
  { vault, clock, progress, signal, beforeProof }: DrillDeps,
  { catalog, backup, store, id, startedAt, began }: Begun,
): Promise<DrillReport> {
  const config = platform.drill;
  const limits = drillLimits(config.rto);
  const limit = AbortSignal.timeout(limits.work);
  const bounded = signal ? AbortSignal.any([signal, limit]) : limit;
  const artifact = await findArtifact(vault, backup.id, bounded).catch((error) => {
    throw limit.aborted && !signal?.aborted ? tooLong(config.rto, error) : error;
  });
  const root = statePaths(platform).scratch;
  const common = { artifact, vault, config, root, showValues, clock, progress, beforeProof };
  const result = await notLater(attempt({ ...common, signal: bounded }), bounded, limits.cleanup, config.rto);
  if (signal?.aborted) throw fail('interrupted', 'the drill was interrupted', {}, result.failure);
  if (limit.aborted) result.failure = tooLong(config.rto, result.failure);
  const report = drillReport(artifact.manifest, result, {
    id,
    startedAt,
    finishedAt: clock.now(),
    totalMs: Math.round(clock.monotonic() - began),
    rto: config.rto,
    rpo: platform.backup?.rpo ?? 0,
    longestGapMs: longestGap(catalog.list({ database: backup.database }), backup.database, startedAt),
  });
  store.save(report);
  catalog.update(backup.id, (known) => changeOfBackup(known, report));
  const kept = await keepReport(vault, report, keeping(limits.keeping, signal));
  store.save(kept);
  return kept;
}

function tooLong(rto: number, cause: unknown): SocleError {
  const limit = formatDuration(drillLimits(rto).work);
  return fail(
    'drill-timeout',
    `the drill was stopped after ${limit}, ${patience} times its target (drill.rto)`,
    {},
    cause,
  );
}

/** The last resort: whatever an attempt that was stopped still waits for is left to itself. Its server dies with us. */
async function notLater(work: Promise<Attempt>, signal: AbortSignal, grace: number, rto: number): Promise<Attempt> {
  const settled = new AbortController();
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort', { signal: settled.signal });
  const late = stopped.then(() => delay(grace, undefined, { signal: settled.signal }));
  try {
    return await Promise.race([
      work,
      late.then(() => {
        throw tooLong(rto, undefined);
      }),
    ]);
  } finally {
    late.catch(() => {});
    settled.abort();
  }
}

function keeping(time: number, signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(time);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}
