import { readFileSync } from 'node:fs';

/** One process, told apart from a later one with the same number, and from one before a reboot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and its start: field 22 of proc(5)'s `stat`. */
  readonly startTicks: string;
  readonly bootId: string;
}

function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold anything: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: startTicks(process.pid) ?? '', bootId: bootId() };
}

/** True while exactly this process runs: not a zombie, not another one that got its number. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === bootId() && startTicks(identity.pid) === identity.startTicks;
}
