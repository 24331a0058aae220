import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BackupCatalog } from '../../src/backup/catalog.ts';
import type { Backup } from '../../src/backup/schema.ts';
import { processesIn } from '../../src/database/scratch-place.ts';
import { runDrill } from '../../src/drill/run.ts';
import type { DrillReport } from '../../src/drill/schema.ts';
import { listOperations, markInterruptedOperations } from '../../src/governance/operations.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { start } from '../../src/kernel/process.ts';
import type { Platform } from '../../src/platform/schema.ts';
import type { BackupBench } from './backup-bench.ts';

export interface FaultBench {
  readonly bench: BackupBench;
  readonly platform: Platform;
  readonly backup: Backup;
  /** Directory of scratch servers. */
  readonly scratch: string;
}

/** Numbers in [0, 1) that one seed makes again (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What runs in the sandboxes of the scratch servers, by the name of its program. */
function victims(scratch: string, program: string): number[] {
  return readdirSync(scratch)
    .flatMap((name) => processesIn(join(scratch, name)))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program;
      } catch {
        return false;
      }
    });
}

/** Runs a drill and kills one process of that program, `after` milliseconds after the first one was seen. */
export async function drillWithKill(
  { bench, platform, backup, scratch }: FaultBench,
  program: string,
  after: number,
  random: () => number,
): Promise<{ report: DrillReport; killed: boolean }> {
  const request = { platform, backup: backup.id, deep: false, showValues: false, actor: 'cli:test' };
  let done = false;
  const running = runDrill(request, bench.deps()).finally(() => {
    done = true;
  });
  let killed = false;
  const kill = async () => {
    while (!done && victims(scratch, program).length === 0) await delay(5);
    await delay(after);
    const found = victims(scratch, program);
    const pid = found[Math.floor(random() * found.length)];
    if (pid === undefined) return;
    try {
      process.kill(pid, 'SIGKILL');
      killed = true;
    } catch {
      // It has ended by itself.
    }
  };
  const [report] = await Promise.all([running, kill()]);
  return { report, killed };
}

/**
 * Kills the process that runs a drill, `after` milliseconds after it began a step; what is left is for the next one.
 * @returns false when the drill was faster
 */
export async function killedDrill(
  { bench, platform, backup }: FaultBench,
  step: string,
  after: number,
): Promise<boolean> {
  const cache = join(bench.directory, 'cache');
  const what = JSON.stringify({ platform, backup: backup.id, state: join(bench.directory, 'state.db'), cache });
  const script = new URL('./drill-child.ts', import.meta.url).pathname;
  const child = start(process.execPath, [script, what]);
  child.stderr?.resume();
  await new Promise<void>((resolve) => {
    child.stdout?.on('data', (text) => {
      if (String(text).includes(step)) resolve();
    });
    void child.ended.then(() => resolve());
  });
  await delay(after);
  child.kill('SIGKILL');
  return (await child.ended).exitCode !== 0;
}

/** What has to hold after any of it: nothing runs, nothing is left, the backup is as good as before. */
export function stateAfter({ bench, backup, scratch }: FaultBench) {
  markInterruptedOperations(bench.db, systemClock);
  const known = new BackupCatalog(bench.db).get(backup.id);
  return {
    scratch: readdirSync(scratch),
    status: known?.status,
    proof: known?.proof.status,
    running: listOperations(bench.db).filter(({ result }) => result === 'running').length,
  };
}
