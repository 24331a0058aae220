import { createWriteStream, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { run, type StartedProcess, start } from '../kernel/process.ts';
import type { DebianRelease } from './names.ts';
import { inside, type Namespaces, planNetwork } from './network.ts';
import { type Machine, nspawnCommand, rebootExitCode } from './nspawn.ts';
import { claimDirectory, directoryOf, removeDirectory, writeRecord } from './store.ts';

/** Polls a fact that has no event; at most 20 s. */
async function until(fact: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await fact())) {
    if (performance.now() > deadline) throw fail('timeout', `${what} did not happen within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The kernel kills these when we die, even by kill -9: the machine then leaves no process, namespace or mount. */
const bound = (...command: string[]): [string, string[]] => ['setpriv', ['--pdeathsig', 'KILL', ...command]];

const quiet = { stdio: ['ignore', 'ignore', 'ignore'] as const };

/** A process that does nothing but hold a network namespace. */
async function holdNamespace(children: StartedProcess[]): Promise<number> {
  const child = start(...bound('unshare', '--net', 'sleep', 'infinity'), quiet);
  children.push(child);
  const { pid } = child;
  if (pid === undefined) throw fail('tool-missing', 'setpriv is not installed', { tool: 'setpriv' });
  const namespaceOf = (process: number | 'self') => readlinkSync(`/proc/${process}/ns/net`);
  await until(() => namespaceOf(pid) !== namespaceOf('self'), 'a network namespace');
  return pid;
}

async function connectNetwork(namespaces: Namespaces, children: StartedProcess[]): Promise<void> {
  const slirp = [
    'slirp4netns',
    '--configure',
    '--disable-host-loopback',
    '--mtu=65520',
    String(namespaces.wan),
    'tap0',
  ];
  children.push(start(...bound(...slirp), quiet));
  const { commands, rules } = planNetwork(namespaces);
  for (const [file, ...args] of commands) await run(file, args);
  const [file, ...args] = inside(namespaces.wan, 'nft', '-f', '-');
  await run(file, args, { input: rules });
  const [ip, ...show] = inside(namespaces.wan, 'ip', 'route', 'show', 'default');
  await until(async () => (await run(ip, show)).stdout.includes('tap0'), 'the way to the package mirror');
}

/**
 * Runs one machine until `signal` aborts or it powers off; a reboot inside starts it again. Then nothing of it is left:
 * its processes end with this one, its namespaces and its overlay with them, and its directory is removed.
 */
export async function superviseMachine(machine: Machine, release: DebianRelease, signal: AbortSignal): Promise<void> {
  const children: StartedProcess[] = [];
  await claimDirectory(machine.name);
  try {
    const namespaces = {
      wan: await holdNamespace(children),
      operator: await holdNamespace(children),
      host: await holdNamespace(children),
    };
    await connectNetwork(namespaces, children);
    await writeRecord({ name: machine.name, release, namespaces, startedAt: new Date().toISOString() });
    const { file, args } = nspawnCommand(machine, namespaces.host);
    const console = createWriteStream(join(directoryOf(machine.name), 'console.log'), { flags: 'a', mode: 0o600 });
    for (;;) {
      const env = { SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network' };
      const child = start(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout?.pipe(console, { end: false });
      child.stderr?.pipe(console, { end: false });
      // A throw-away machine needs no orderly shutdown.
      const kill = () => child.kill('SIGKILL');
      signal.addEventListener('abort', kill);
      if (signal.aborted) kill();
      const { exitCode } = await child.ended;
      signal.removeEventListener('abort', kill);
      if (exitCode !== rebootExitCode || signal.aborted) return;
    }
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => child.ended));
    await removeDirectory(machine.name);
  }
}
