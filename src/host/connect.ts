import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { type OperatorFiles, operatorFiles } from '../platform/operator-files.ts';
import type { HostConfig, Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';
import { knowHost } from './host-key.ts';
import type { SettleDeps } from './settle.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';

/** A host that the operator can reach now. */
export interface Connection extends SettleDeps {
  readonly platform: Platform;
  readonly files: OperatorFiles;
  /** The way that answered. */
  readonly way: Way;
}

export interface ConnectOptions {
  readonly identity: string | undefined;
  /** Fingerprint of the host's key, where a flag gives it. */
  readonly hostKey: string | undefined;
  readonly confirm: (question: string) => Promise<boolean>;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** @throws `host-missing` */
function hostOf({ host, name }: Platform): HostConfig {
  if (host) return host;
  throw fail('host-missing', `the platform ${name} has no \`host\` section`);
}

/**
 * Finds a way to the host: the VPN when it is up, else the public address.
 * @throws `host-missing`, `host-unknown`, `host-unreachable`, `host-key-unknown`, `host-key-changed`, `host-denied`
 */
export async function connectHost(platform: Platform, options: ConnectOptions): Promise<Connection> {
  const host = hostOf(platform);
  const { progress, signal, identity } = options;
  const files = operatorFiles(platform.name);
  progress.step(`reaching ${host.address}`);
  await knowHost({
    platform: platform.name,
    address: host.address,
    port: host.port,
    knownHosts: files.knownHosts,
    expected: options.hostKey ?? host.host_key,
    confirm: options.confirm,
  });
  const target = { platform: platform.name, user: host.user, port: host.port, knownHosts: files.knownHosts, identity };
  const ways = {
    public: { kind: 'public', address: host.address },
    vpn: { kind: 'vpn', address: privateAddress(platform.vpn) },
  } as const;
  // Before the first run nobody can have a tunnel.
  const way = await firstAnswer(target, ways, existsSync(files.hostPublicKey) ? grace : 0, signal);
  return { platform, files, target, ways, way, progress, signal };
}

/** How many milliseconds longer the VPN may take than the public address: it is the way that will remain. */
const grace = 1_500;

/**
 * Both are asked at once, and the VPN wins when it answers. Where the VPN is down, its address may be another machine:
 * that one shows another host key.
 */
async function firstAnswer(
  target: SshTarget,
  ways: { readonly public: Way; readonly vpn: Way },
  grace: number,
  signal: AbortSignal | undefined,
): Promise<Way> {
  const decided = new AbortController();
  const either = AbortSignal.any([decided.signal, ...(signal ? [signal] : [])]);
  const ask = async (way: Way) => {
    // Whether it is there is known within 6 s; a log-in may take a while on a busy host.
    await execAsRoot(target, way, 'true', { timeout: 60_000, signal: either });
    return way;
  };
  const inPublic = ask(ways.public);
  try {
    return await Promise.any([ask(ways.vpn), inPublic.then((way) => sleep(grace, way, { signal: either }))]);
  } catch {
    return await inPublic;
  } finally {
    decided.abort();
  }
}
