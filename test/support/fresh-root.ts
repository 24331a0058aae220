import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunResult, run } from '../../src/kernel/process.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const repository = join(here, '../..');
const week = 7 * 86_400_000;

/** A Debian with nothing of ours in it: what the README asks for (`git make npm`), and a user `dev`. */
export interface FreshRoot {
  readonly directory: string;
  /** Runs a bash script in the home of the user; answers with its exit code, whatever that is. */
  run(user: 'root' | 'dev', script: string, timeout?: number): Promise<RunResult>;
  remove(): Promise<void>;
}

/** Why there can be no such root on this machine; undefined when there can. */
export function noFreshRoot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  return existsSync('/usr/bin/mmdebstrap') ? undefined : 'needs the package mmdebstrap';
}

/** Unpacks a fresh root and clones this repository's last commit into the homes of both users. */
export async function freshRoot(suite: 'bookworm' | 'trixie'): Promise<FreshRoot> {
  const archive = await archiveOf(suite);
  const directory = await mkdtemp('/var/tmp/socle-fresh-');
  const enter: FreshRoot['run'] = (user, script, timeout = 600_000) =>
    run(join(here, 'enter-root.sh'), [directory, user, script], {
      accept: Array.from({ length: 256 }, (_, code) => code),
      env: registries(),
      timeout,
    });
  const root: FreshRoot = {
    directory,
    run: enter,
    // Mounts live in namespaces that are gone with their processes: there are only files left.
    remove: () => rm(directory, { recursive: true, force: true }),
  };
  try {
    await run('tar', ['-xf', archive, '-C', directory]);
    await copyRegistrySettings(directory);
    await run('useradd', ['--root', directory, '--create-home', '--shell', '/bin/bash', 'dev']);
    for (const home of ['root', 'home/dev']) {
      await run('git', ['clone', '--quiet', '--no-local', repository, join(directory, home, 'socle')]);
    }
    await run('chroot', [directory, 'chown', '-R', 'dev:dev', '/home/dev']);
    return root;
  } catch (error) {
    await root.remove();
    throw error;
  }
}

/** Made once a week and kept: it takes minutes, most of them for npm's many packages. */
async function archiveOf(suite: string): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'socle/test');
  const archive = join(cache, `debian-${suite}.tar`);
  const age = await stat(archive).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
  if (age < week) return archive;
  await mkdir(cache, { recursive: true });
  const mirror = await debianMirror();
  const packages = '--include=git,make,npm,ca-certificates';
  const half = `${archive}.part.tar`;
  await run('mmdebstrap', ['--variant=minbase', packages, suite, half, ...(mirror ? [mirror] : [])], {
    timeout: 1_800_000,
  });
  await rename(half, archive);
  return archive;
}

/** Where this machine has its own Debian from; undefined leaves the choice to mmdebstrap. */
async function debianMirror(): Promise<string | undefined> {
  const format = '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)';
  const { stdout } = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const line = stdout.split('\n').find((text) => /^Debian main [a-z]+ /.test(text));
  return line?.split(' ')[3];
}

/** How this machine reaches npm's registry is its own affair: settings, authorities and proxies go along. */
async function copyRegistrySettings(directory: string): Promise<void> {
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  await copyFile(authorities, join(directory, authorities));
  const settings = join(homedir(), '.npmrc');
  if (!existsSync(settings)) return;
  await mkdir(join(directory, dirname('/etc/npmrc')), { recursive: true });
  await copyFile(settings, join(directory, 'etc/npmrc'));
  await copyFile(settings, join(directory, 'root/.npmrc'));
  await mkdir(join(directory, 'etc/skel'), { recursive: true });
  await copyFile(settings, join(directory, 'etc/skel/.npmrc'));
}

function registries(): Record<string, string | undefined> {
  const names = Object.keys(process.env).filter((name) => /^npm_config_|_proxy$|^NODE_EXTRA_CA_CERTS$/i.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
