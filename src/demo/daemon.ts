import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../kernel/errors.ts';
import { lastLines, type StartedProcess, start } from '../kernel/process.ts';
import { program } from '../kernel/program.ts';
import type { PlatformFile } from './platform-file.ts';

/** The ops daemon, as a process of its own. */
export interface DemoDaemon {
  readonly pid: number;
  readonly url: string;
  /** Resolves when it ended, whoever ended it. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

const patienceMs = 30_000;

/**
 * Starts `socle serve` and waits until it answers. The kernel ends it when this process dies.
 * @throws `command-failed` with the end of its log
 */
export async function startDaemon(
  directory: string,
  platform: PlatformFile,
  signal?: AbortSignal,
): Promise<DemoDaemon> {
  const log = join(directory, 'daemon.log');
  const descriptor = openSync(log, 'w', 0o600);
  const serve = [program, 'serve', '--config', platform.file];
  const child = start('setpriv', ['--pdeathsig', 'TERM', '--', ...serve], {
    cwd: directory,
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  });
  closeSync(descriptor);
  const url = `http://127.0.0.1:${platform.port}`;
  try {
    await answers(child, `${url}/livez`, log, signal);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { pid: child.pid ?? 0, url, ended: child.ended, stop: () => end(child) };
}

async function answers(child: StartedProcess, url: string, log: string, signal?: AbortSignal): Promise<void> {
  let running = true;
  void child.ended.then(() => {
    running = false;
  });
  const until = performance.now() + patienceMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await fetch(url).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    if (!running || performance.now() > until) {
      const output = lastLines(readFileSync(log, 'utf8'));
      throw fail('command-failed', 'the ops daemon did not start', { output });
    }
    await delay(50);
  }
}

async function end(child: StartedProcess): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await child.ended;
  clearTimeout(late);
}
