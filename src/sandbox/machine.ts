import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { ownModule } from '../kernel/place.ts';
import { childEnvironment, lastLines, run } from '../kernel/process.ts';
import type { Progress } from '../kernel/progress.ts';
import { drivers } from './driver.ts';
import { type DebianRelease, type DriverName, parseMachineName } from './names.ts';
import { appendAtNextBoot } from './qemu.ts';
import { seedMachine } from './seed.ts';
import { sshCommand } from './ssh.ts';
import {
  claimDirectory,
  directoryOf,
  listMachines,
  type MachineRecord,
  ownerOf,
  readRecord,
  removeDirectory,
  writeRequest,
} from './store.ts';

/** Programs that every machine needs, and their Debian packages. */
const commonTools = {
  mmdebstrap: 'mmdebstrap',
  slirp4netns: 'slirp4netns',
  nft: 'nftables',
  ip: 'iproute2',
  ssh: 'openssh-client',
};

async function requireTools(tools: Readonly<Record<string, string>>): Promise<void> {
  if (userInfo().uid !== 0) {
    throw fail('not-root', 'a throw-away machine needs root: it makes namespaces and boots a system', {
      next: 'run it with sudo',
    });
  }
  const missing: string[] = [];
  for (const [tool, name] of Object.entries(tools)) {
    await run('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`]).catch(() => missing.push(name));
  }
  if (missing.length > 0) {
    throw fail('tool-missing', `throw-away machines need ${missing.join(', ')}`, {
      next: `apt-get install ${missing.join(' ')}`,
    });
  }
}

/** Resolves once the machine answers over ssh. */
async function reachable(name: string, patience: number, signal?: AbortSignal): Promise<MachineRecord> {
  const deadline = performance.now() + patience;
  for (;;) {
    signal?.throwIfAborted();
    const record = await readRecord(name);
    if (record) {
      const [file, ...args] = sshCommand(record, ['true']);
      if (await run(file, args, { timeout: 5_000 }).catch(() => null)) return record;
    } else if (!(await ownerOf(name))) {
      throw fail('sandbox-failed', `the machine ${name} ended while it booted`);
    }
    if (performance.now() > deadline) {
      const console = await readFile(join(directoryOf(name), 'console.log'), 'utf8').catch(() => '');
      throw fail('sandbox-failed', `${name} did not answer over ssh within ${patience / 1_000} s`, {
        console: lastLines(console),
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export interface MachineRequest {
  readonly name: string;
  readonly release: DebianRelease;
  /** Default: nspawn. */
  readonly driver?: DriverName;
  /** A K3s is to run in it. */
  readonly kubernetes?: boolean;
  /** What the clock of a qemu machine says when it is first switched on. */
  readonly clock?: string;
}

/**
 * Boots a throw-away Debian and waits until it answers over ssh.
 * @throws `not-root`, `tool-missing`, `busy` when the name is taken, `sandbox-failed`
 */
export async function bootMachine(
  { driver: driverName = 'nspawn', ...request }: MachineRequest,
  progress: Progress,
  signal?: AbortSignal,
): Promise<MachineRecord> {
  const name = parseMachineName(request.name);
  const driver = drivers[driverName];
  await requireTools({ ...commonTools, ...driver.tools });
  await listMachines();
  if (await ownerOf(name))
    throw fail('busy', `a machine called ${name} runs already`, { next: `socle sandbox down ${name}` });
  const image = await driver.image(request.release, progress, signal);
  progress.step(`booting ${name} (Debian ${request.release}, ${driverName})`);
  await removeDirectory(name);
  await claimDirectory(name);
  const directory = directoryOf(name);
  const machine = { ...request, name, driver: driverName, directory, image, kubernetes: request.kubernetes ?? false };
  await seedMachine(directory, name);
  await driver.prepare(machine);
  await writeRequest(machine);
  const main = ownModule('sandbox/supervisor-main');
  // Not through `start`: it has to outlive us.
  spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, name], {
    detached: true,
    stdio: 'ignore',
    env: childEnvironment({ XDG_CACHE_HOME: process.env.XDG_CACHE_HOME }),
  }).unref();
  try {
    return await reachable(name, await driver.patience(), signal);
  } catch (error) {
    await removeMachine(name);
    throw error;
  }
}

/**
 * The button of a provider's console: the machine boots again, at once, with these words on its kernel's command line.
 * @throws `not-found`; `usage` for a machine without a kernel of its own
 */
export async function resetMachine(name: string, words: string): Promise<void> {
  const record = await readRecord(name);
  const owner = await ownerOf(name);
  if (!record || !owner)
    throw fail('not-found', `no machine called ${name} runs`, { next: `socle sandbox up ${name}` });
  if (record.driver !== 'qemu') {
    throw fail('usage', `${name} has no kernel of its own: only machines of the driver qemu can be reset`);
  }
  await appendAtNextBoot(directoryOf(name), words);
  process.kill(owner.pid, 'SIGUSR2');
}

/** Ends a machine and removes everything of it; false when there was none. */
export async function removeMachine(name: string): Promise<boolean> {
  const owner = await ownerOf(name);
  if (owner && owner.pid !== process.pid) {
    process.kill(owner.pid, 'SIGTERM');
    const deadline = performance.now() + 20_000;
    while (await ownerOf(name)) {
      if (performance.now() > deadline) process.kill(owner.pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  await removeDirectory(name);
  return owner !== null;
}
