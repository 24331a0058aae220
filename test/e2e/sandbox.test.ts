import { readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../../src/kernel/process.ts';
import { program as socle } from '../../src/kernel/program.ts';
import { silent } from '../../src/kernel/progress.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { machineDirectory } from '../../src/sandbox/names.ts';
import { sshCommand } from '../../src/sandbox/ssh.ts';
import { listMachines, type MachineRecord, ownerOf } from '../../src/sandbox/store.ts';

const names = { 12: 'test-debian-12', 13: 'test-debian-13' } as const;

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

describe.skipIf(userInfo().uid !== 0)('a throw-away machine (nspawn; needs root)', () => {
  afterAll(async () => {
    for (const name of Object.values(names)) await removeMachine(name);
  });

  test.each([12, 13] as const)(
    'Debian %i boots like a cloud image, reaches packages and nothing else, and reboots',
    async (release) => {
      const machine = await bootMachine({ name: names[release], release }, silent);
      expect((await on(machine, 'cut -d. -f1 /etc/debian_version; hostname; sudo id -un')).stdout).toBe(
        `${release}\n${names[release]}\nroot`,
      );
      expect((await on(machine, 'cat /etc/ssh/sshd_config.d/50-cloud-init.conf')).stdout).toContain(
        'PasswordAuthentication',
      );
      expect((await on(machine, 'ip -6 addr show dev eth0 scope global')).stdout).toContain('2001:db8:51::20');
      expect((await on(machine, 'sudo apt-get update -q')).exitCode).toBe(0);
      expect((await on(machine, 'timeout 5 bash -c "< /dev/tcp/198.51.100.1/22"')).exitCode).not.toBe(0);
      expect((await on(machine, 'timeout 5 bash -c "< /dev/tcp/10.0.2.2/22"')).exitCode).not.toBe(0);
      await on(machine, 'echo kept | sudo tee /var/lib/kept');
      const boot = (await on(machine, 'cut -d" " -f22 /proc/1/stat')).stdout;
      await on(machine, 'sudo systemctl reboot');
      await eventually(async () => {
        const answer = await on(machine, 'cut -d" " -f22 /proc/1/stat');
        return answer.exitCode === 0 && answer.stdout !== boot;
      }, 60);
      expect((await on(machine, 'cat /var/lib/kept')).stdout).toBe('kept');
    },
  );

  test('two run side by side, and a name is taken once', async () => {
    expect((await listMachines()).map(({ name }) => name)).toEqual(expect.arrayContaining(Object.values(names)));
    await expect(bootMachine({ name: names[12], release: 12 }, silent)).rejects.toMatchObject({ code: 'busy' });
  });

  test('the command line runs a command there and passes its words on', async () => {
    const { stdout } = await run(socle, ['sandbox', 'ssh', names[12], '--', 'echo', '-n', 'two', 'words']);
    expect(stdout).toBe('two words');
  });

  test('a machine boots from its cached image within 20 s', async () => {
    await removeMachine(names[13]);
    const start = performance.now();
    await bootMachine({ name: names[13], release: 13 }, silent);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test('kill -9 of the supervisor leaves no process, namespace or mount, and the next list removes the files', async () => {
    const machine = (await listMachines()).find(({ name }) => name === names[13]);
    const namespaces = Object.values(machine?.namespaces ?? {}).map(namespaceOf);
    expect(await inhabitants(namespaces)).toBeGreaterThan(3);
    process.kill((await ownerOf(names[13]))?.pid ?? 0, 'SIGKILL');
    await eventually(async () => (await inhabitants(namespaces)) === 0, 20);
    expect((await listMachines()).map(({ name }) => name)).not.toContain(names[13]);
    expect(await readdir(machineDirectory())).not.toContain(names[13]);
    expect((await run('findmnt', ['--list', '--noheadings', '--output', 'TARGET'])).stdout).not.toContain(names[13]);
  });
});
