import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import { readSecret, type Secret } from '../kernel/secret.ts';
import type { VaultConfig } from '../platform/schema.ts';
import { readRepository } from './repository.ts';
import type { ResticContext, ResticVersion } from './restic.ts';
import { withoutSftpArguments } from './restic-options.ts';
import { ResticVault } from './restic-vault.ts';
import type { Vault } from './vault.ts';

export interface OpenOptions {
  /** Name of the platform: whose snapshots are ours. */
  readonly platform: string;
  /** Directory for restic's cache and temporary files; it is made when missing. */
  readonly cache: string;
  /** Milliseconds to wait for another process that holds the vault; default 5 minutes. */
  readonly lockWait?: number | undefined;
  /** HOME of restic and what it starts; default ours. An empty one keeps keys and settings of this user away. */
  readonly home?: string | undefined;
}

/**
 * Makes a vault ready for use. Nothing is asked of the repository yet: `init` creates it, and any other call says when
 * it is not there.
 * @throws `tool-missing` without restic 0.14 or newer, `secret-unreadable`
 */
export async function openVault(config: VaultConfig, options: OpenOptions): Promise<Vault> {
  const version = await resticVersion();
  const password = await readSecret(config.password);
  const environment = new Map<string, Secret>();
  for (const [name, source] of Object.entries(config.environment)) environment.set(name, await readSecret(source));
  const cache = resolve(options.cache, 'restic');
  const temporary = resolve(options.cache, 'restic-tmp');
  for (const directory of [cache, temporary]) await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeAbandoned(temporary);
  const context: ResticContext = {
    version,
    repository: readRepository(config.repository, environment),
    config,
    password,
    environment,
    cache,
    temporary,
    home: options.home,
    lockWait: options.lockWait ?? 300_000,
    options: version.minor < 16 ? withoutSftpArguments(config.options, config.repository) : config.options,
  };
  return new ResticVault(context, options.platform);
}

/** Milliseconds after which no process of ours still writes what it began: a week, and the longest prune takes hours. */
const abandoned = 7 * 86_400_000;

/** Removes what a Socle that was killed left of its temporary files. */
async function removeAbandoned(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name);
    const found = await stat(path).catch(() => null);
    if (found && found.mtimeMs < Date.now() - abandoned) await rm(path, { recursive: true, force: true });
  }
}

/** @throws `tool-missing` */
export async function resticVersion(): Promise<ResticVersion> {
  const { stdout } = await run('restic', ['version']);
  const [, text, major, minor] = /^restic ((\d+)\.(\d+)\S*)/.exec(stdout) ?? [];
  if (text === undefined) throw fail('tool-missing', `restic does not say its version: ${stdout.slice(0, 80)}`);
  const version = { text, minor: Number(major) > 0 ? Number.POSITIVE_INFINITY : Number(minor) };
  if (version.minor >= 14) return version;
  throw fail('tool-missing', `restic ${text} is too old: 0.14 is the first that compresses`, {
    tool: 'restic',
    next: 'install the package restic of Debian 12 or newer',
  });
}
