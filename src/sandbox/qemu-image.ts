import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kernel/process.ts';
import type { Progress } from '../kernel/progress.ts';
import { anonymous, basePackages, bootstrap, cloudLike, keepImage } from './image.ts';
import type { DebianRelease } from './names.ts';

const packages = [
  ...basePackages,
  'e2fsprogs',
  'initramfs-tools',
  'linux-image-cloud-amd64',
  'systemd-timesyncd',
  'zstd',
];

/** What cloud-init does on a first boot: takes the machine's own files from a second disk. */
const seedUnit = `[Unit]
Description=The machine’s own files, at its first boot
DefaultDependencies=no
ConditionPathExists=!/var/lib/sandbox-seeded
After=systemd-remount-fs.service
Before=systemd-hostnamed.service systemd-networkd.service network-pre.target sysinit.target
Wants=network-pre.target

[Service]
Type=oneshot
ExecStart=/bin/sh -ec "mount -o ro LABEL=seed /mnt; cp -a /mnt/. /; umount /mnt; rmdir /lost+found; hostname -F /etc/hostname; touch /var/lib/sandbox-seeded"

[Install]
WantedBy=sysinit.target
`;

/** A disk holds the modules that its own hardware needs, which makes a small initrd: emulated, unpacking takes long. */
const initrdModules = ['ext4', 'virtio_blk', 'virtio_net', 'virtio_pci', 'virtio_rng'];

const customise = [
  ...cloudLike,
  'echo "/dev/vda / ext4 errors=remount-ro 0 1" > /etc/fstab',
  `cat > /etc/systemd/system/sandbox-seed.service <<"EOF"\n${seedUnit}EOF`,
  'systemctl enable sandbox-seed.service systemd-networkd.service',
  'sed -i "s/^MODULES=.*/MODULES=list/" /etc/initramfs-tools/initramfs.conf',
  `printf "%s\\n" ${initrdModules.join(' ')} > /etc/initramfs-tools/modules`,
  'update-initramfs -u',
  ...anonymous,
];

/** What a machine's disk can take; it takes what is used. */
const diskSize = '16G';

/**
 * A directory with `vmlinuz`, `initrd.img` and `disk.raw`: Debian's own kernel, started without a boot loader, so that words
 * can be put on its command line as at a provider's console.
 */
export function qemuImage(release: DebianRelease, progress: Progress, signal?: AbortSignal): Promise<string> {
  const recipe = { release, packages, customise };
  return keepImage('qemu-debian', recipe, progress, async (target) => {
    const at = (name: string) => join(target, name);
    await mkdir(target);
    await bootstrap(at('root'), recipe, signal);
    for (const name of await readdir(at('root/boot'))) {
      if (name.startsWith('vmlinuz-')) await rename(at(`root/boot/${name}`), at('vmlinuz'));
      if (name.startsWith('initrd.img-')) await rename(at(`root/boot/${name}`), at('initrd.img'));
    }
    await run('mkfs.ext4', ['-q', '-L', 'root', '-d', at('root'), at('disk.raw'), diskSize], { signal });
    await rm(at('root'), { recursive: true });
  });
}
