import { readlinkSync } from 'node:fs';
import { fail } from '../kernel/errors.ts';
import { run, type StartedProcess, start } from '../kernel/process.ts';
import { bound } from './bound.ts';
import { type Driver, drivers, type Machine } from './driver.ts';
import { inside, type Namespaces, planNetwork } from './network.ts';
import { claimDirectory, removeDirectory, writeRecord } from './store.ts';

/** Polls a fact that has no event; at most 20 s. */
async function until(fact: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await fact())) {
    if (performance.now() > deadline) throw fail('timeout', `${what} did not happen within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

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

async function connectNetwork(namespaces: Namespaces, port: Driver['port'], children: StartedProcess[]): Promise<void> {
  const slirp = [
    'slirp4netns',
    '--configure',
    '--disable-host-loopback',
    '--mtu=65520',
    String(namespaces.wan),
    'tap0',
  ];
  children.push(start(...bound(...slirp), quiet));
  const { commands, rules } = planNetwork(namespaces, port);
  for (const [file, ...args] of commands) await run(file, args);
  const [file, ...args] = inside(namespaces.wan, 'nft', '-f', '-');
  await run(file, args, { input: rules });
  const [ip, ...show] = inside(namespaces.wan, 'ip', 'route', 'show', 'default');
  await until(async () => (await run(ip, show)).stdout.includes('tap0'), 'the way to the package mirror');
}

/**
 * Runs one machine until `signal` aborts or it powers off; a reboot inside starts it again. Then nothing of it is left:
 * its processes end with this one, its namespaces and its disk with them, and its directory is removed.
 */
export async function superviseMachine(machine: Machine, signal: AbortSignal): Promise<void> {
  const { name, release, driver: driverName } = machine;
  const driver = drivers[driverName];
  const children: StartedProcess[] = [];
  await claimDirectory(name);
  try {
    const wan = await holdNamespace(children);
    const operator = await holdNamespace(children);
    const namespaces = { wan, operator, host: driver.port === 'veth' ? await holdNamespace(children) : wan };
    await connectNetwork(namespaces, driver.port, children);
    await writeRecord({ name, release, driver: driverName, namespaces, startedAt: new Date().toISOString() });
    while ((await driver.run(machine, namespaces, signal)) === 'rebooted' && !signal.aborted);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => child.ended));
    await removeDirectory(name);
  }
}
