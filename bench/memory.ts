import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastLines, type StartedProcess, start } from '../src/kernel/process.ts';
import { program } from '../src/kernel/program.ts';
import { formatSize } from '../src/kernel/units.ts';
import type { Bench } from './bench.ts';
import { type Promised, print } from './measure.ts';
import { makeSite } from './site.ts';

const budget = 150e6;
const commandLine = '/src/cli/main.ts';
const port = 17_410;
const patienceMs = 30 * 60_000;

/** Largest resident memory, bytes: of the daemon, and of any of the processes of ours that it starts for a job. */
interface Peak {
  daemon: number;
  job: number;
}

/**
 * The daemon's memory while it does everything by itself: probes, requests, and every minute a backup and a drill, each
 * a process of its own, until there were two backups and a proven drill.
 */
export async function memoryPeak({ directory, server, database }: Bench): Promise<Peak> {
  const site = await makeSite(join(directory, `memory-${database}`), server, database, { schedule: '* * * * *', port });
  const log = join(site.directory, 'daemon.log');
  const descriptor = openSync(log, 'w');
  const daemon = start(program, ['serve', '--config', site.file], {
    stdio: ['ignore', descriptor, descriptor],
  });
  closeSync(descriptor);
  const peak: Peak = { daemon: 0, job: 0 };
  const watching = setInterval(() => watch(daemon, peak), 50);
  try {
    await untilProven(daemon, log);
  } finally {
    watch(daemon, peak);
    clearInterval(watching);
    daemon.kill('SIGTERM');
    await daemon.ended;
  }
  return peak;
}

/** Asks all the time, as dashboards do. */
async function untilProven(daemon: StartedProcess, log: string): Promise<void> {
  let running = true;
  void daemon.ended.then(() => {
    running = false;
  });
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
    return response?.ok ? await response.text() : '';
  };
  const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;
  const until = performance.now() + patienceMs;
  for (;;) {
    if (!running || performance.now() > until)
      throw new Error(`the daemon did not get to a proof:\n${lastLines(readFileSync(log, 'utf8'))}`);
    const [backups, drills] = await Promise.all(
      ['/v1/backups', '/v1/drills', '/metrics', '/v1/health', '/v1/components'].map(ask),
    );
    if (count(backups ?? '', /"status":\s*"good"/g) >= 2 && count(drills ?? '', /"verdict":\s*"proven"/g) >= 1) return;
    await delay(500);
  }
}

function watch(daemon: StartedProcess, peak: Peak): void {
  const pid = String(daemon.pid);
  peak.daemon = Math.max(peak.daemon, highWater(pid));
  for (const child of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    if (child !== pid && isJobOf(child, pid)) peak.job = Math.max(peak.job, highWater(child));
  }
}

/** A process of our own command line that the daemon started. */
function isJobOf(child: string, daemon: string): boolean {
  try {
    const stat = readFileSync(`/proc/${child}/stat`, 'latin1');
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    return parent === daemon && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(commandLine);
  } catch {
    return false;
  }
}

/** `VmHWM` of proc(5), bytes: the peak of the resident set. 0 when the process is gone. */
function highWater(pid: string): number {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(match?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** What the peaks with the small and with the large database say. A job ends when its work does: its peak is shown only. */
export function memoryPromises(small: Peak, large: Peak | null): Promised[] {
  for (const [name, one] of [
    ['1 GB', small],
    ['4 GB', large],
  ] as const) {
    if (one)
      print(`  peak resident memory, ${name}:  daemon ${formatSize(one.daemon)}, its jobs ${formatSize(one.job)}`);
  }
  return [
    { name: 'daemon-memory', ratio: Math.max(small.daemon, large?.daemon ?? 0) / budget, goal: 1 },
    ...(large ? [{ name: 'daemon-memory-4x-data', ratio: large.daemon / small.daemon, goal: 1.1 }] : []),
  ];
}
