import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import type { VaultConfig } from '../platform/schema.ts';
import type { Opened } from './machine.ts';
import { openWith } from './open.ts';
import { type KitVault, kitFiles, kitPlace } from './schema.ts';
import { pathsIn } from './vault-needs.ts';

/** A vault as restic opens it with the files of a kit. @param directory of the kit, absolute */
export function kitConfig({ repository, options, environment, paths }: KitVault, directory: string): VaultConfig {
  const file = (name: string) => ({ file: join(directory, name) });
  const place = directory.replaceAll("'", "'\\''");
  return {
    repository,
    password: file(kitFiles.password),
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        name,
        value.replaceAll(kitPlace, name === 'sftp.command' ? place : directory),
      ]),
    ),
    environment: {
      ...Object.fromEntries(Object.entries(environment).map(([name, source]) => [name, file(source)])),
      ...Object.fromEntries(
        Object.entries(paths).map(([name, source]) => [name, { command: ['echo', join(directory, source)] }]),
      ),
    },
  };
}

/**
 * Opens a vault with nothing but the kit.
 * @throws `kit-unusable` when it needs a file of this machine besides, `vault-…`
 */
export async function openWithKit(
  vault: KitVault,
  directory: string,
  platform: string,
  signal?: AbortSignal,
): Promise<Opened> {
  const outside = Object.values(vault.options)
    .flatMap(pathsIn)
    .find((path) => !path.startsWith(kitPlace) && existsSync(path));
  if (outside !== undefined) {
    throw fail(
      'kit-unusable',
      `${vault.address} is reached with ${outside}, which is on this machine and not in the kit`,
    );
  }
  return openWith(kitConfig(vault, directory), platform, signal);
}
