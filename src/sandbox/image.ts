import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import type { Progress } from '../kernel/progress.ts';
import { type DebianRelease, imageDirectory, suites } from './names.ts';

/** What an image is made of, in order. */
export interface Recipe {
  readonly release: DebianRelease;
  readonly packages: readonly string[];
  /** Shell commands, run inside it. */
  readonly customise: readonly string[];
}

/** What a provider's Debian image brings, and no more. */
export const basePackages = [
  'apt-utils',
  'ca-certificates',
  'dbus',
  'iproute2',
  'iputils-ping',
  'kmod',
  'less',
  'libpam-systemd',
  'locales',
  'openssh-server',
  'procps',
  'python3',
  'sudo',
  'systemd-sysv',
  'udev',
];

/** Made like a cloud image: a sudo user `debian`, cloud-init's sshd drop-in (which wins over later ones), no host keys. */
export const cloudLike = [
  'useradd --create-home --shell /bin/bash --groups sudo debian',
  'install -d -m 700 -o debian -g debian /home/debian/.ssh',
  'printf "debian ALL=(ALL) NOPASSWD:ALL\\n" > /etc/sudoers.d/90-cloud-init-users',
  'chmod 440 /etc/sudoers.d/90-cloud-init-users',
  'install -d /etc/ssh/sshd_config.d',
  'printf "PasswordAuthentication yes\\n" > /etc/ssh/sshd_config.d/50-cloud-init.conf',
  'rm -f /etc/ssh/ssh_host_*',
];

/** The kernel, the clock and the network belong to the machine below. */
const sharesAKernel =
  'systemctl mask systemd-networkd.service systemd-networkd.socket systemd-resolved.service systemd-timesyncd.service';

/** What a machine has to get of its own. */
export const anonymous = ['rm -f /etc/resolv.conf /etc/machine-id', 'touch /etc/machine-id'];

/** Where Debian's packages come from on this machine: what its own apt uses. */
async function packageMirrors(suite: string): Promise<string[]> {
  const format = ['indextargets', '--format', '$(REPO_URI)|$(ORIGIN)|$(COMPONENT)', 'Created-By: Packages'];
  const lines = (await run('apt-get', format)).stdout.split('\n').map((line) => line.split('|'));
  const uris = new Set(
    lines.filter(([, origin, component]) => origin === 'Debian' && component === 'main').map(([uri]) => uri as string),
  );
  const main = [...uris].find((uri) => !uri.includes('security'));
  const security = [...uris].find((uri) => uri.includes('security'));
  if (!main) {
    throw fail('tool-missing', 'apt on this machine knows no Debian archive', {
      next: 'run `apt-get update` and try again',
    });
  }
  return [
    `deb ${main} ${suite} main`,
    `deb ${main} ${suite}-updates main`,
    ...(security ? [`deb ${security} ${suite}-security main`] : []),
  ];
}

/** Makes the root of a Debian in a directory that is not there yet. @throws `tool-missing`, `command-failed` */
export async function bootstrap(root: string, { release, packages, customise }: Recipe, signal?: AbortSignal) {
  const hooks = customise.map((command) => `--customize-hook=chroot "$1" sh -c '${command}'`);
  const args = [
    '--mode=root',
    '--variant=minbase',
    `--include=${packages.join(',')}`,
    '--aptopt=Acquire::Languages "none"',
  ];
  const suite = suites[release];
  await run('mmdebstrap', [...args, ...hooks, suite, root, ...(await packageMirrors(suite))], { signal });
}

/**
 * The image of this kind and recipe: made once (a minute or two) by `make`, which writes the directory that it is given, and
 * kept; those of older recipes are removed.
 */
export async function keepImage(
  kind: string,
  { release, packages, customise }: Recipe,
  progress: Progress,
  make: (target: string) => Promise<void>,
): Promise<string> {
  const recipe = JSON.stringify([packages, customise]);
  const name = `${kind}-${release}-${createHash('sha256').update(recipe).digest('hex').slice(0, 12)}`;
  const image = join(imageDirectory(), name);
  if (existsSync(image)) return image;
  progress.step(`making a Debian ${release} image (once)`);
  await mkdir(imageDirectory(), { recursive: true, mode: 0o700 });
  const building = await mkdtemp(join(imageDirectory(), '.building-'));
  try {
    await make(join(building, 'image'));
    await rename(join(building, 'image'), image);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  const ours = `${kind}-${release}-`;
  const old = (await readdir(imageDirectory())).filter((other) => other.startsWith(ours) && other !== name);
  for (const other of old) await rm(join(imageDirectory(), other), { recursive: true, force: true });
  return image;
}

/** The directory with the root of a fresh Debian. */
export function debianDirectory(release: DebianRelease, progress: Progress, signal?: AbortSignal): Promise<string> {
  const recipe = { release, packages: basePackages, customise: [...cloudLike, sharesAKernel, ...anonymous] };
  return keepImage('debian', recipe, progress, (target) => bootstrap(target, recipe, signal));
}
