import { statfsSync } from 'node:fs';
import { fail, type SocleError } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import { formatSize } from '../kernel/units.ts';
import { memoryOf, privateMemoryOf, processTree } from './scratch-processes.ts';

/** What a scratch server may use, bytes. */
export interface ScratchLimits {
  readonly memory: number;
  readonly disk: number;
  /** Free space of the file system that is never taken. */
  readonly reserve: number;
}

export interface Watch {
  /** Largest use seen so far, bytes. */
  peak(): { memory: number; disk: number };
  stop(): void;
}

const interval = 200;
/** How long the disk may stay uncounted while programs fail, ms. */
const blindness = 60_000;
/** Shared memory, and what a directory holds, cost time to count: they are this often, and at once when it grows. */
const weighEvery = 2_000;
const countEvery = 3_000;

/**
 * Watches what the processes below `roots` and the directory use, and calls `exceeded` once when it is too much. The
 * kernel's limits bound one process; this bounds their sum.
 */
export function watch(
  directory: string,
  roots: () => readonly number[],
  limits: ScratchLimits,
  exceeded: (why: SocleError) => void,
): Watch {
  const peak = { memory: 0, disk: 0 };
  let counted = { at: 0, free: freeSpace(directory) };
  let counting = false;
  let stopped = false;
  const stop = () => {
    stopped = true;
    clearInterval(timer);
  };
  const end = (why: SocleError) => {
    if (stopped) return;
    stop();
    exceeded(why);
  };
  let seen = performance.now();
  const count = async (free: number) => {
    counting = true;
    const used = await diskUse(directory).catch(() => null);
    counted = { at: performance.now(), free };
    counting = false;
    // A `du` that was killed, or could not be started, says nothing; one that never works leaves the server unwatched.
    if (used === null) {
      if (performance.now() - seen > blindness) end(unwatched());
      return;
    }
    seen = performance.now();
    peak.disk = Math.max(peak.disk, used);
    if (used > limits.disk) end(outOfSpace(`the limit is ${formatSize(limits.disk)} (drill.limits.disk)`, limits));
  };
  let weighed = { at: Number.NEGATIVE_INFINITY, shared: 0 };
  const weigh = (pids: readonly number[]) => {
    const own = privateMemoryOf(pids);
    const now = performance.now();
    if (own + weighed.shared <= limits.memory && now - weighed.at < weighEvery) return own + weighed.shared;
    const all = memoryOf(pids);
    weighed = { at: now, shared: Math.max(0, all - own) };
    return all;
  };
  const look = () => {
    const memory = weigh(roots().flatMap(processTree));
    peak.memory = Math.max(peak.memory, memory);
    if (memory > limits.memory) end(outOfMemory(limits));
    const free = freeSpace(directory);
    if (free < limits.reserve)
      end(outOfSpace(`${formatSize(limits.reserve)} stay free (drill.limits.reserve)`, limits));
    const filling = counted.free - free > limits.disk / 50;
    if (!counting && !stopped && (filling || performance.now() - counted.at > countEvery)) void count(free);
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch (error) {
      // The directory is gone, or /proc cannot be read: what is not watched must not run.
      end(unwatched(error));
    }
  }, interval);
  timer.unref();
  return { peak: () => ({ ...peak }), stop };
}

function freeSpace(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Bytes on disk below a directory; endless when some of it hides from us, null when they were not counted. */
async function diskUse(directory: string): Promise<number | null> {
  const { stdout, stderr } = await run('du', ['--summarize', '--block-size=1', directory], {
    accept: [0, 1],
    timeout: 30_000,
  });
  if (/Permission denied/.test(stderr)) return Number.POSITIVE_INFINITY;
  // Files come and go while it counts: it says so, and gives a sum all the same.
  const used = Number.parseInt(stdout, 10);
  return Number.isNaN(used) ? null : used;
}

function unwatched(cause?: unknown): SocleError {
  return fail('scratch-failed', 'the scratch server was stopped, since what it uses could not be counted', {}, cause);
}

function outOfSpace(why: string, limits: ScratchLimits): SocleError {
  return fail('drill-out-of-space', `the scratch server was stopped because it filled the disk: ${why}`, { limits });
}

function outOfMemory(limits: ScratchLimits): SocleError {
  const limit = formatSize(limits.memory);
  return fail('drill-out-of-memory', `the scratch server was stopped because it used more than ${limit} of memory`, {
    limits,
  });
}
