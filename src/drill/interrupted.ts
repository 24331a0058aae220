import type { DatabaseSync } from 'node:sqlite';
import type { Backup } from '../backup/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { failures } from '../kernel/errors.ts';
import type { Platform } from '../platform/schema.ts';
import type { DrillReport } from './schema.ts';
import { DrillStore } from './store.ts';

/**
 * The report of a drill that did not come to one: it was begun, and says nothing about its backup. Written down when a
 * drill begins, so that one that is killed at any moment is in the list afterwards.
 */
export function interruptedReport(backup: Backup, platform: Platform, id: string, startedAt: Date): DrillReport {
  const { limits } = platform.drill;
  return {
    format: 'socle-drill/1',
    id,
    platform: platform.name,
    database: backup.database,
    backup: backup.id,
    backupAt: backup.timestamp,
    startedAt: startedAt.toISOString(),
    finishedAt: startedAt.toISOString(),
    verdict: 'not-tested',
    level: null,
    failure: {
      code: 'interrupted',
      message: 'the drill was stopped before it came to a verdict',
      next: failures.interrupted.next,
    },
    recoveryTime: null,
    dataLoss: null,
    timings: { preflight: 0, fetch: 0, restore: 0, proof: 0, cleanup: 0, total: 0 },
    proof: null,
    scratch: {
      sandbox: 'not known',
      serverVersion: null,
      memoryLimit: limits.memory,
      diskLimit: limits.disk,
      peakMemory: null,
      peakDisk: null,
    },
    artifact: { bytes: backup.size?.logical ?? 0, sha256: '' },
    notes: [],
  };
}

/** To be called at every start: drills whose process is gone were interrupted, and are listed as such. Returns their ids. */
export function markInterruptedDrills(db: DatabaseSync, clock: Clock): string[] {
  const store = new DrillStore(db);
  return store.abandoned().map((report) => {
    store.save({ ...report, finishedAt: clock.now().toISOString() });
    return report.id;
  });
}
