import { dirname, resolve } from 'node:path';
import { loadDocument } from '../platform/load.ts';
import type { Platform } from '../platform/schema.ts';
import { planHostPlatform } from './ops-platform.ts';
import { type PackedRelease, packRelease } from './ops-release.ts';
import { resolveSecrets, settleSecrets } from './ops-secrets.ts';
import { opsVariables } from './ops-variables.ts';
import type { SshTarget, Way } from './ssh.ts';

/** What makes the daemon a service of a host; everything that can be wrong with it in the platform file has been found by now. */
export interface PlannedOps {
  /** Where the API will answer. */
  readonly url: string;
  /**
   * Takes a second or two.
   * @param machine as `uname -m` prints it on the host
   * @throws `host-unsupported`, `release-incomplete`
   */
  pack(machine: string): Promise<PackedRelease>;
  /** Sends secrets, or tells which ones would be. @throws `secret-missing-on-host` */
  settleSecrets(way: Way, mode: 'compare' | 'write'): Promise<string[]>;
  variables(release: PackedRelease): Readonly<Record<string, unknown>>;
}

/** @throws `secret-unreadable`, `usage` */
export async function planOps(
  platform: Platform,
  file: string,
  deps: { readonly target: SshTarget; readonly signal: AbortSignal | undefined },
): Promise<PlannedOps> {
  const host = planHostPlatform(await loadDocument(file), platform, dirname(resolve(file)));
  const values = await resolveSecrets(host.sent, deps.signal);
  return {
    url: `http://${host.address}:${host.port}`,
    pack: packRelease,
    settleSecrets: (way, mode) => settleSecrets(deps, way, host, values, mode),
    variables: (release) => opsVariables(platform, host, release),
  };
}
