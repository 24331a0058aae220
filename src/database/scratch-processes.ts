import { readdirSync, readFileSync } from 'node:fs';

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The process and all that descend from it, as far as they can be seen. */
export function processTree(root: number): number[] {
  const found = [root];
  for (const pid of found) {
    for (const thread of threadsOf(pid)) {
      found.push(...read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number));
    }
  }
  return found;
}

/** Sends a signal to a process, which may have ended by itself. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/**
 * Memory that these processes hold together, bytes: shared pages are counted once. Programs and libraries, which are
 * mapped from files, are not in it: the kernel takes those back when it needs to.
 */
export function memoryOf(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    const proportional = read(`/proc/${pid}/smaps_rollup`);
    const text = proportional === '' ? read(`/proc/${pid}/status`) : proportional;
    for (const [, amount] of text.matchAll(/^(?:Pss_Anon|Pss_Shmem|RssAnon|RssShmem|VmSwap|SwapPss):\s+(\d+) kB/gm)) {
      kilobytes += Number(amount);
    }
  }
  return kilobytes * 1024;
}

/** Private memory of these processes, bytes: much cheaper to ask for than all of it (proc(5), `statm`). */
export function privateMemoryOf(pids: readonly number[]): number {
  let pages = 0;
  for (const pid of pids) {
    const [, resident = 0, shared = 0] = read(`/proc/${pid}/statm`).split(' ').map(Number);
    pages += resident - shared;
  }
  return pages * pageSize;
}

/** Bytes; 4 KiB nearly everywhere, more on some ARM machines. */
const pageSize = Number(/^KernelPageSize:\s+(\d+) kB/m.exec(read('/proc/self/smaps'))?.[1] ?? 4) * 1024;

/** Numbers of all users that some process has now. */
export function usersWithProcesses(): Set<number> {
  const users = new Set<number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = /^Uid:\s+(.*)$/m.exec(read(`/proc/${entry}/status`))?.[1] ?? '';
    for (const uid of line.split(/\s+/)) users.add(Number(uid));
  }
  return users;
}
