import { dirname, resolve } from 'node:path';
import { loadDocument } from '../platform/load.ts';
import type { Platform } from '../platform/schema.ts';
import { planHostPlatform } from './ops-platform.ts';
import { type PackedRelease, packRelease } from './ops-release.ts';
import { resolveSecrets, settleSecrets } from './ops-secrets.ts';
import { opsVariables } from './ops-variables.ts';
import type { SshTarget, Way } from './ssh.ts';

/** What a run needs to make the daemon a service; everything that can be wrong with it here has been found by now. */
export interface PreparedOps extends AsyncDisposable {
  readonly release: PackedRelease;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Where the API will answer. */
  readonly url: string;
  /** Sends secrets, or tells which ones would be. @throws `secret-missing-on-host` */
  settleSecrets(way: Way, mode: 'compare' | 'write'): Promise<string[]>;
}

/** @throws `secret-unreadable`, `usage`, `host-unsupported`, `release-incomplete` */
export async function prepareOps(
  platform: Platform,
  file: string,
  machine: string,
  deps: { readonly target: SshTarget; readonly signal: AbortSignal | undefined },
): Promise<PreparedOps> {
  const host = planHostPlatform(await loadDocument(file), platform, dirname(resolve(file)));
  const values = await resolveSecrets(host.sent, deps.signal);
  const release = await packRelease(machine);
  return {
    release,
    variables: opsVariables(platform, host, release),
    url: `http://${host.address}:${host.port}`,
    settleSecrets: (way, mode) => settleSecrets(deps, way, host, values, mode),
    [Symbol.asyncDispose]: () => release[Symbol.asyncDispose](),
  };
}
