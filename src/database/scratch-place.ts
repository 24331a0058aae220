import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../kernel/process.ts';
import { isAlive, ownIdentity, type ProcessIdentity } from '../kernel/process-identity.ts';
import { makeSharedDirectory, writeSharedFile } from '../kernel/shared-files.ts';
import { signalTo } from './scratch-processes.ts';
import { systemCallFilter } from './scratch-seccomp.ts';
import { type ScratchUser, scratchUser } from './scratch-user.ts';

/**
 * The directory of one scratch server. `data` and `run` belong to the sandbox's user; `door` is ours, and holds the
 * socket under a name that nobody in the sandbox can replace; `archive` is ours, and read-only inside.
 */
export interface ScratchPlace {
  readonly directory: string;
  readonly user: ScratchUser;
}

const prefix = 'scratch-';
const unfinished = '.making-';
/** Longer than it takes to make a directory, ms. */
const settled = 10_000;

/** Makes the directory of a new scratch server below `root`. It gets its name once it says whose it is. */
export function makePlace(root: string): ScratchPlace {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const user = scratchUser(root);
  const id = randomBytes(6).toString('hex');
  const making = join(root, unfinished + id);
  mkdirSync(making, { mode: 0o700 });
  writeFileSync(join(making, 'owner.json'), JSON.stringify(ownIdentity()), { mode: 0o600 });
  for (const name of ['data', 'run']) {
    mkdirSync(join(making, name), { mode: 0o700 });
    if (process.getuid?.() === 0) chownSync(join(making, name), user.uid, user.gid);
  }
  for (const name of ['door', 'archive', 'etc']) makeSharedDirectory(join(making, name));
  const account = `postgres:x:${user.uid}:${user.gid}::/tmp:/bin/false\n`;
  writeSharedFile(join(making, 'etc', 'passwd'), account);
  writeSharedFile(join(making, 'etc', 'group'), `postgres:x:${user.gid}:\n`);
  const filter = systemCallFilter();
  if (filter) writeFileSync(join(making, 'etc', 'seccomp'), filter, { mode: 0o600 });
  const directory = join(root, prefix + id);
  renameSync(making, directory);
  return { directory, user };
}

/** Removes the directory of a scratch server, whatever rights its content has. Its processes are gone by now. */
export async function removePlace(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    await run('chmod', ['-R', 'u+rwX', directory], { accept: [0, 1] });
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Ends and removes the scratch servers of processes that are gone: killed, or the machine went down. Those of
 * processes that still run are left alone.
 * @returns the directories removed
 */
export async function destroyLeftovers(root: string): Promise<string[]> {
  const removed: string[] = [];
  for (const name of entries(root)) {
    const directory = join(root, name);
    if (name.startsWith(unfinished) ? isFresh(directory) : isOwned(directory)) continue;
    await endProcesses(directory);
    await removePlace(directory);
    removed.push(directory);
  }
  return removed;
}

function entries(root: string): string[] {
  try {
    return readdirSync(root).filter((name) => name.startsWith(prefix) || name.startsWith(unfinished));
  } catch {
    return [];
  }
}

function isFresh(directory: string): boolean {
  try {
    return Date.now() - statSync(directory).mtimeMs < settled;
  } catch {
    return false;
  }
}

/** One without an owner's file was about to be removed. */
function isOwned(directory: string): boolean {
  try {
    return isAlive(JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8')) as ProcessIdentity);
  } catch {
    return false;
  }
}

/** Kills what still has this scratch directory mounted or writes into it: its name is random, so nothing else can match. */
async function endProcesses(directory: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const pids = [...processesIn(directory), ...writersInto(directory)];
    if (pids.length === 0) return;
    for (const pid of pids) signalTo(pid, 'SIGKILL');
    await delay(50);
  }
}

/** Processes that have a part of this scratch directory mounted in their sandbox, or that are about to. */
export function processesIn(directory: string): number[] {
  const part = `/${basename(directory)}/`;
  return processIds().filter((pid) => {
    try {
      const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8');
      return (
        read('mountinfo').includes(part) ||
        (/^NSpid:\s+\d+\s+\d/m.test(read('status')) && read('cmdline').includes(part))
      );
    } catch {
      return false;
    }
  });
}

/** Programs outside of a sandbox that were told to write below this directory, such as a restic that still fetches. */
function writersInto(directory: string): number[] {
  return processIds().filter((pid) => {
    try {
      return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${directory}/`);
    } catch {
      return false;
    }
  });
}

const processIds = () =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
