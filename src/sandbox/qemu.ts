import { constants } from 'node:fs';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run, start } from '../kernel/process.ts';
import { bound } from './bound.ts';
import type { Driver, Ending, Machine } from './driver.ts';
import { addresses } from './names.ts';
import { inside, machinePort, nameServer } from './network.ts';
import { qemuImage } from './qemu-image.ts';

/** Whether this machine runs others in hardware: a /dev/kvm can be there, and opened, on a CPU that cannot. */
async function hasKvm(): Promise<boolean> {
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return opens && /^flags\s*:.*\b(vmx|svm)\b/m.test(await readFile('/proc/cpuinfo', 'utf8'));
}

/** Words for the kernel's command line at the next boot, and only then. */
const nextBoot = (directory: string) => join(directory, 'next-boot');

/** As at a provider's console: the machine's next boot has these words on its kernel's command line. */
export const appendAtNextBoot = (directory: string, words: string) => writeFile(nextBoot(directory), words);

/** What the clock says when the machine is switched on for the first time; after that it goes on, and may have been set. */
const firstClock = (directory: string) => join(directory, 'first-clock');

/** What was kept for the next boot; empty when nothing was. */
async function takeOnce(file: string): Promise<string> {
  const words = await readFile(file, 'utf8').catch(() => '');
  await rm(file, { force: true });
  return words.trim();
}

/** The command that switches a machine on. It stops instead of rebooting, and speaks QMP on its standard streams. */
export function qemuCommand(machine: Machine, options: { kvm: boolean; append: string; clock: string }): string[] {
  const at = (name: string) => join(machine.directory, name);
  const drive = (file: string, format: string, more = '') => [
    '-drive',
    `file=${file},format=${format},if=virtio,cache=unsafe,discard=unmap${more}`,
  ];
  return [
    'qemu-system-x86_64',
    '-nodefaults',
    '-no-user-config',
    ...['-display', 'none'],
    ...['-machine', 'q35'],
    // Emulated, wide vector instructions cost more than they save.
    ...(options.kvm ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi', '-cpu', 'Westmere']),
    ...['-smp', '2'],
    ...['-m', machine.kubernetes ? '4096' : '2048'],
    ...['-kernel', join(machine.image, 'vmlinuz')],
    ...['-initrd', join(machine.image, 'initrd.img')],
    ...['-append', `root=/dev/vda rw console=ttyS0 net.ifnames=0 ${options.append}`.trim()],
    ...drive(at('disk.qcow2'), 'qcow2'),
    ...drive(at('seed.img'), 'raw', ',readonly=on'),
    ...['-netdev', `tap,id=net,ifname=${machinePort},script=no,downscript=no`],
    ...['-device', 'virtio-net-pci,netdev=net'],
    ...['-device', 'virtio-rng-pci'],
    ...['-chardev', `file,id=console,path=${at('console.log')},append=on`, '-serial', 'chardev:console'],
    ...['-rtc', `base=${options.clock || 'utc'}`],
    '-no-reboot',
    ...['-qmp', 'stdio'],
  ];
}

/** The reason that a SHUTDOWN event of QMP gives tells a reboot from a machine that was switched off. */
export function endingOf(line: string): Ending | null {
  const event = JSON.parse(line) as { event?: string; data?: { reason?: string } };
  if (event.event !== 'SHUTDOWN') return null;
  return /reset/.test(event.data?.reason ?? '') ? 'rebooted' : 'off';
}

/** Its own addresses, as a provider's image gets them from cloud-init. */
const networkFile = `[Match]
Name=eth0

[Network]
Address=${addresses.host.v4}/24
Address=${addresses.host.v6}/64
Gateway=${addresses.gateway.v4}
Gateway=${addresses.gateway.v6}
DNS=${nameServer}
IPv6AcceptRA=no
`;

/** A Debian on its own kernel: what it shows of sysctls, modules, AppArmor and audit is true of a real host. */
export const qemu: Driver = {
  tools: { 'qemu-system-x86_64': 'qemu-system-x86', 'qemu-img': 'qemu-utils', 'mkfs.ext4': 'e2fsprogs' },
  port: 'tap',
  // Emulated, a boot takes about a minute on an idle machine.
  patience: async () => ((await hasKvm()) ? 90_000 : 600_000),
  image: qemuImage,

  async prepare({ directory, image, clock = '' }) {
    const at = (name: string) => join(directory, name);
    await mkdir(at('upper/etc/systemd/network'), { recursive: true });
    await writeFile(at('upper/etc/systemd/network/10-sandbox.network'), networkFile);
    await run('mkfs.ext4', ['-q', '-L', 'seed', '-d', at('upper'), at('seed.img'), '4M']);
    await writeFile(firstClock(directory), clock);
    const base = ['-b', join(image, 'disk.raw'), '-F', 'raw'];
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...base, at('disk.qcow2')]);
  },

  async run(machine, { wan }, signal) {
    const append = await takeOnce(nextBoot(machine.directory));
    const clock = await takeOnce(firstClock(machine.directory));
    const command = qemuCommand(machine, { kvm: await hasKvm(), append, clock });
    const [file, args] = bound(...inside(wan, ...command));
    const child = start(file, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin?.write('{"execute": "qmp_capabilities"}\n');
    let ending: Ending = 'off';
    const lines = child.stdout ? createInterface({ input: child.stdout }) : null;
    lines?.on('line', (line) => {
      ending = endingOf(line) ?? ending;
    });
    const reset = () => child.stdin?.write('{"execute": "system_reset"}\n');
    const kill = () => child.kill('SIGKILL');
    process.on('SIGUSR2', reset);
    signal.addEventListener('abort', kill);
    if (signal.aborted) kill();
    await child.ended;
    signal.removeEventListener('abort', kill);
    process.off('SIGUSR2', reset);
    return ending;
  },
};
