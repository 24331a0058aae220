import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type StartedProcess, type StartOptions, start } from '../kernel/process.ts';
import type { ScratchPlace } from './scratch-place.ts';
import { processTree, signalTo } from './scratch-processes.ts';
import { inside, type SandboxLimits, type SandboxPlan, sandboxCommand } from './scratch-sandbox.ts';

/** What one program sees besides PostgreSQL's own files: host paths, at the same path or at one of `inside`. */
export interface Sight {
  readonly data?: boolean;
  /** The directory of the server's socket: to make it in (the server), or to connect through (its clients). */
  readonly socket?: 'run' | 'door';
  readonly readable?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Starts a program in a sandbox of its own, as the user of this scratch server. Any `kill` of it is a SIGKILL of all. */
export function startInside(
  place: ScratchPlace,
  limits: SandboxLimits,
  command: readonly string[],
  sight: Sight,
  options: Omit<StartOptions, 'env'> = {},
): StartedProcess {
  const { stdio = ['ignore', 'pipe', 'pipe'] } = options;
  const host = (name: string) => join(place.directory, name);
  const env: Record<string, string> = { LC_ALL: 'C.UTF-8', PATH: '/usr/bin', HOME: '/tmp', TZ: 'UTC' };
  for (const [name, value] of Object.entries(sight.env ?? {})) if (value !== undefined) env[name] = value;
  const plan: SandboxPlan = {
    become: process.getuid?.() === 0 ? place.user : null,
    writable: [
      ...(sight.data ? [{ from: host('data'), to: inside.data }] : []),
      ...(sight.socket === 'run' ? [{ from: host('run'), to: inside.socket }] : []),
    ],
    readable: [
      { from: host('etc/passwd'), to: '/etc/passwd' },
      { from: host('etc/group'), to: '/etc/group' },
      ...(sight.socket === 'door' ? [{ from: host('door'), to: inside.socket }] : []),
      ...(sight.readable ?? []).map((path) => ({ from: path, to: path })),
    ],
    env,
    limits,
    filter: existsSync(host('etc/seccomp')) ? stdio.length : null,
  };
  const [file = '', ...args] = sandboxCommand(plan, command);
  const { signal, ...others } = options;
  if (plan.filter === null) return endedWhole(start(file, args, { cwd: '/', ...others, stdio }), signal);
  const descriptor = openSync(host('etc/seccomp'), 'r');
  try {
    return endedWhole(start(file, args, { cwd: '/', ...others, stdio: [...stdio, descriptor] }), signal);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * bwrap's inner process waits for the outer one before it ties its life to it: killing the outer one alone at that
 * moment leaves it there for ever, with our pipes in its hands.
 */
function endedWhole(child: StartedProcess, signal: AbortSignal | undefined): StartedProcess {
  const stop = () => killWhole(child.pid);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const ended = child.ended.then((end) => {
    signal?.removeEventListener('abort', stop);
    return signal?.aborted ? { ...end, aborted: true } : end;
  });
  const kill = () => {
    stop();
    return true;
  };
  return { ...child, ended, kill };
}

function killWhole(pid: number | undefined): void {
  if (pid === undefined) return;
  // Stopped first: it makes no further process while we look for those that it has.
  signalTo(pid, 'SIGSTOP');
  for (const one of processTree(pid)) signalTo(one, 'SIGKILL');
}
