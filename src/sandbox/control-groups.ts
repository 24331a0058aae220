import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A machine on our kernel sees as its own the control groups that its first process is in (cgroups(7), cgroup_namespaces(7)).
 * Without some of its own it shares them with every other machine: systemd finds processes there that it cannot signal, and
 * waits for them for two minutes when the machine goes down (`user@1000.service: Processes still around after final SIGKILL`);
 * and a kubelet takes the pods of the others for orphans of its own.
 */

const groupName = (machine: string) => `socle-sandbox-${machine}`;

/** Directories of all hierarchies that can be written to: one with cgroup v2, one for each controller with v1. */
async function hierarchies(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n');
  return lines.flatMap((line) => {
    const [, , , , place = '', options = ''] = line.split(' ');
    const type = line.split(' - ')[1]?.split(' ')[0] ?? '';
    return /^cgroup2?$/.test(type) && options.split(',').includes('rw') && place.startsWith('/sys/fs/cgroup')
      ? [place]
      : [];
  });
}

/** Makes the machine's control groups, and says where: what its first process has to be put into. */
export async function makeControlGroups(machine: string): Promise<string[]> {
  await removeControlGroups(machine);
  const groups = (await hierarchies()).map((place) => join(place, groupName(machine)));
  for (const group of groups) {
    await mkdir(group, { recursive: true });
    const settings = await readdir(group);
    const copy = async (name: string) => {
      if (settings.includes(name)) await writeFile(join(group, name), await readFile(join(group, '..', name)));
    };
    // In v1 no process may enter before these are said.
    await copy('cpuset.cpus');
    await copy('cpuset.mems');
    // As much as a few processes get beside ours, and not as much as one.
    if (settings.includes('cpu.shares')) await writeFile(join(group, 'cpu.shares'), '8192');
  }
  return groups;
}

/** Removes them, with what the machine made in them. Its processes have ended, or do so now; at most 10 s. */
export async function removeControlGroups(machine: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (const place of await hierarchies()) {
    for (;;) {
      const busy = await removeTree(join(place, groupName(machine)));
      if (!busy || performance.now() > deadline) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Tells whether something in it has processes still, and stays for now. */
async function removeTree(directory: string): Promise<boolean> {
  let busy = false;
  try {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) busy = (await removeTree(join(directory, entry.name))) || busy;
    }
    if (!busy) await rmdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') return true;
    if (code !== 'ENOENT') throw error;
  }
  return busy;
}
