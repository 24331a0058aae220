import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { ownModule } from '../kernel/place.ts';
import { childEnvironment, lastLines, run } from '../kernel/process.ts';
import type { Progress } from '../kernel/progress.ts';
import { debianImage } from './image.ts';
import { seedKubernetes } from './kubernetes.ts';
import { type DebianRelease, parseMachineName } from './names.ts';
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
} from './store.ts';

/** Programs that the nspawn driver runs, and their Debian packages. */
const tools = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  slirp4netns: 'slirp4netns',
  nft: 'nftables',
  ip: 'iproute2',
  ssh: 'openssh-client',
};

async function requireTools(): Promise<void> {
  if (userInfo().uid !== 0) {
    throw fail('not-root', 'a throw-away machine needs root: it makes namespaces and boots a system', {
      next: 'run it with sudo',
    });
  }
  const missing: string[] = [];
  for (const [tool, name] of Object.entries(tools)) {
    await run('sh', ['-c', `command -v ${tool}`]).catch(() => missing.push(name));
  }
  if (missing.length > 0) {
    throw fail('tool-missing', `throw-away machines need ${missing.join(', ')}`, {
      next: `apt-get install ${missing.join(' ')}`,
    });
  }
}

/** Resolves once the machine answers over ssh. */
async function reachable(name: string, signal?: AbortSignal): Promise<MachineRecord> {
  const deadline = performance.now() + 60_000;
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
      throw fail('sandbox-failed', `${name} did not answer over ssh within 60 s`, { console: lastLines(console) });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Boots a throw-away Debian and waits until it answers over ssh; with `kubernetes` a K3s can run in it.
 * @throws `not-root`, `tool-missing`, `busy` when the name is taken, `sandbox-failed`
 */
export async function bootMachine(
  request: { name: string; release: DebianRelease; kubernetes?: boolean },
  progress: Progress,
  signal?: AbortSignal,
): Promise<MachineRecord> {
  const name = parseMachineName(request.name);
  await requireTools();
  await listMachines();
  if (await ownerOf(name))
    throw fail('busy', `a machine called ${name} runs already`, { next: `socle sandbox down ${name}` });
  const image = await debianImage(request.release, progress, signal);
  progress.step(`booting ${name} (Debian ${request.release})`);
  await removeDirectory(name);
  await claimDirectory(name);
  await seedMachine(directoryOf(name), name);
  if (request.kubernetes) await seedKubernetes(directoryOf(name));
  const main = ownModule('sandbox/supervisor-main');
  const args = ['--disable-warning=ExperimentalWarning', main, name, String(request.release), image];
  // Not through `start`: it has to outlive us.
  spawn(process.execPath, args, {
    detached: true,
    stdio: 'ignore',
    env: childEnvironment({ XDG_CACHE_HOME: process.env.XDG_CACHE_HOME }),
  }).unref();
  try {
    return await reachable(name, signal);
  } catch (error) {
    await removeMachine(name);
    throw error;
  }
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
