import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type StartedProcess, type StartOptions, start } from '../kernel/process.ts';
import type { ScratchPlace } from './scratch-place.ts';
import { inside, type SandboxLimits, type SandboxPlan, sandboxCommand } from './scratch-sandbox.ts';

/** What one program sees besides PostgreSQL's own files: host paths, at the same path or at one of `inside`. */
export interface Sight {
  readonly data?: boolean;
  /** The directory of the server's socket: to make it in (the server), or to connect through (its clients). */
  readonly socket?: 'run' | 'door';
  readonly readable?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Starts a program in a sandbox of its own, as the user of this scratch server. */
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
  if (plan.filter === null) return start(file, args, { cwd: '/', ...options, stdio });
  const descriptor = openSync(host('etc/seccomp'), 'r');
  try {
    return start(file, args, { cwd: '/', ...options, stdio: [...stdio, descriptor] });
  } finally {
    closeSync(descriptor);
  }
}
