import { existsSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../../src/kernel/process.ts';
import { program as socle } from '../../src/kernel/program.ts';
import { silent } from '../../src/kernel/progress.ts';
import { drivers } from '../../src/sandbox/driver.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { type DriverName, machineDirectory } from '../../src/sandbox/names.ts';
import { sshCommand } from '../../src/sandbox/ssh.ts';
import { listMachines, type MachineRecord, ownerOf } from '../../src/sandbox/store.ts';

/** What every driver has to do, on each of these; minutes for what is emulated. */
const kinds = [{ driver: 'nspawn', releases: [12, 13], bootTwice: true }] as const;

const nameOf = (driver: string, release: number) => `test-${driver}-${release}`;

function reasonToSkip(driver: DriverName): string {
  if (userInfo().uid !== 0) return ' (needs root)';
  const missing = Object.keys(drivers[driver].tools).filter((tool) => !installed(tool));
  return missing.length > 0 ? ` (SKIPPED: there is no ${missing.join(', ')})` : '';
}

const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));

async function on(machine: MachineRecord, command: string): Promise<{ exitCode: number; stdout: string }> {
  const [file, ...args] = sshCommand(machine, [command]);
  return run(file, args, { accept: [0, 1, 2, 124, 255], timeout: 120_000 });
}

async function eventually<T>(fact: () => Promise<T | false>, seconds: number): Promise<T> {
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    const value = await fact();
    if (value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const namespaceOf = (pid: number | string) => {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
};

/** How many processes are in one of these network namespaces. */
async function inhabitants(namespaces: readonly string[]): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => namespaces.includes(namespaceOf(pid))).length;
}

describe.each(kinds)('throw-away machines of the driver $driver', ({ driver, releases, bootTwice }) => {
  const why = reasonToSkip(driver);
  const names = releases.map((release) => nameOf(driver, release));
  const last = nameOf(driver, 13);
  afterAll(async () => {
    for (const name of names) await removeMachine(name);
  });

  test.skipIf(why).each([...releases])(
    `Debian %i boots like a cloud image, reaches packages and nothing else, and reboots${why}`,
    async (release) => {
      const name = nameOf(driver, release);
      const machine = await bootMachine({ name, release, driver }, silent);
      expect((await on(machine, 'cut -d. -f1 /etc/debian_version; hostname; sudo id -un')).stdout).toBe(
        `${release}\n${name}\nroot`,
      );
      expect((await on(machine, 'sudo systemctl show --property=Version | cut -d= -f1; ps -o comm= -p 1')).stdout).toBe(
        'Version\nsystemd',
      );
      expect((await on(machine, 'cat /etc/ssh/sshd_config.d/50-cloud-init.conf')).stdout).toContain(
        'PasswordAuthentication',
      );
      expect((await on(machine, 'ip -6 addr show dev eth0 scope global')).stdout).toContain('2001:db8:51::20');
      expect((await on(machine, 'sudo apt-get update -q')).exitCode).toBe(0);
      expect((await on(machine, 'timeout 5 bash -c "< /dev/tcp/198.51.100.1/22"')).exitCode).not.toBe(0);
      expect((await on(machine, 'timeout 5 bash -c "< /dev/tcp/10.0.2.2/22"')).exitCode).not.toBe(0);
      await on(machine, 'echo kept | sudo tee /var/lib/kept; sync');
      const thisBoot = 'cat /proc/sys/kernel/random/boot_id; cut -d" " -f22 /proc/1/stat';
      const boot = (await on(machine, thisBoot)).stdout;
      await on(machine, 'sudo systemctl reboot');
      await eventually(
        async () => {
          const answer = await on(machine, thisBoot);
          return answer.exitCode === 0 && answer.stdout !== boot;
        },
        (await drivers[driver].patience()) / 1_000,
      );
      expect((await on(machine, 'cat /var/lib/kept')).stdout).toBe('kept');
    },
  );

  test.skipIf(why)('machines run side by side, and a name is taken once', async () => {
    expect((await listMachines()).map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    await expect(bootMachine({ name: last, release: 13, driver }, silent)).rejects.toMatchObject({ code: 'busy' });
  });

  test.skipIf(why)('no process of another machine is in the control groups of one', async () => {
    for (const machine of (await listMachines()).filter(({ name }) => names.includes(name))) {
      const { stdout } = await on(machine, 'cat $(find /sys/fs/cgroup -path "*/system.slice/*" -name cgroup.procs)');
      const processes = stdout.split('\n');
      expect(processes.length).toBeGreaterThan(3);
      // 0 is one that has no number here.
      expect(processes).not.toContain('0');
    }
  });

  test.skipIf(why)('the command line runs a command there and passes its words on', async () => {
    const { stdout } = await run(socle, ['sandbox', 'ssh', last, '--', 'echo', '-n', 'two', 'words']);
    expect(stdout).toBe('two words');
  });

  test.skipIf(why !== '' || !bootTwice)('a machine boots from its cached image within 20 s', async ({ annotate }) => {
    await removeMachine(last);
    const start = performance.now();
    await bootMachine({ name: last, release: 13, driver }, silent);
    await annotate(`boot to ssh: ${Math.round((performance.now() - start) / 100) / 10} s`);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test.skipIf(why)(
    'kill -9 of the supervisor leaves no process, namespace or mount, and the next list removes the rest',
    async () => {
      const machine = (await listMachines()).find(({ name }) => name === last);
      const namespaces = Object.values(machine?.namespaces ?? {}).map(namespaceOf);
      expect(await inhabitants(namespaces)).toBeGreaterThan(2);
      process.kill((await ownerOf(last))?.pid ?? 0, 'SIGKILL');
      await eventually(async () => (await inhabitants(namespaces)) === 0, 20);
      expect((await listMachines()).map(({ name }) => name)).not.toContain(last);
      expect(await readdir(machineDirectory())).not.toContain(last);
      expect((await run('find', ['/sys/fs/cgroup', '-name', `*${last}`])).stdout).toBe('');
      expect((await run('findmnt', ['--list', '--noheadings', '--output', 'TARGET'])).stdout).not.toContain(last);
    },
  );
});
