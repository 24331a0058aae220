import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { type OperatorFiles, operatorFiles, writePrivate } from '../platform/operator-files.ts';
import type { HostConfig, Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';
import { revisionOf } from './bundle.ts';
import { installAnsible, readFacts, requireSupported } from './facts.ts';
import { knowHost } from './host-key.ts';
import type { RunRecord } from './records.ts';
import { followRun, startRun } from './run.ts';
import { applyFirewallStep, planFirewallSteps, readFirewall, type SettleDeps, vpnAnswers } from './settle.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';
import { ansibleVariables } from './variables.ts';

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
 * @throws `host-missing`, `host-key-unknown`, `host-key-changed`, `host-unreachable`, `host-denied`
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
  const way = await firstAnswer(target, ways, signal);
  return { platform, files, target, ways, way, progress, signal };
}

/** How much longer the VPN may take than the public address: it is the way that will remain. */
const grace = 1_500;

/**
 * Both are asked at once, and the VPN wins when it answers. Where the VPN is down, its address may be another machine:
 * that one shows another host key.
 */
async function firstAnswer(
  target: SshTarget,
  ways: { readonly public: Way; readonly vpn: Way },
  signal: AbortSignal | undefined,
): Promise<Way> {
  const decided = new AbortController();
  const either = AbortSignal.any([decided.signal, ...(signal ? [signal] : [])]);
  const ask = async (way: Way) => {
    await execAsRoot(target, way, 'true', { timeout: 20_000, signal: either });
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

export interface UpOptions {
  readonly file: string;
  readonly only: readonly string[];
  readonly check: boolean;
  readonly actor: string;
  /** Milliseconds to wait for the VPN before SSH stays open in public. */
  readonly vpnWait: number;
}

export interface UpResult {
  readonly record: RunRecord;
  /** Where SSH answers now; null after a check. */
  readonly ssh: 'vpn' | 'public' | null;
  /** SSH was to be closed in public, and nobody came through the VPN. */
  readonly stillOpen: boolean;
}

/**
 * Makes the host what the platform file says, or tells what would change. The run goes on when we are interrupted.
 * @throws `host-unsupported`, `busy`, `run-failed`, `firewall-reverted`
 */
export async function up(connection: Connection, options: UpOptions): Promise<UpResult> {
  const { platform, target, ways, way, progress, signal } = connection;
  const facts = await readFacts(target, way, signal);
  requireSupported(facts);
  if (!facts.ansible) {
    progress.step('installing Ansible on the host');
    await installAnsible(target, way, signal);
  }
  progress.step('starting the run');
  const { check, only, actor, file } = options;
  const deps = { target, progress, signal };
  const request = { check, only, actor, revision: await revisionOf(file) };
  const id = await startRun(deps, way, request, ansibleVariables(platform));
  const others = Object.values(ways).filter(({ kind }) => kind !== way.kind);
  const record = await followRun(deps, [way, ...others], id);
  if (check) return { record, ssh: null, stillOpen: false };
  await keepHostKey(connection);
  return { record, ...(await settleFirewall(connection, options.vpnWait)) };
}

/** The host's public WireGuard key, for the files of the peers. */
async function keepHostKey({ target, way, files, signal }: Connection): Promise<void> {
  const script = 'wg pubkey < /etc/socle/wireguard/private.key';
  const { stdout } = await execAsRoot(target, way, script, { timeout: 30_000, signal });
  await writePrivate(files.hostPublicKey, `${stdout.trim()}\n`);
}

async function settleFirewall(connection: Connection, vpnWait: number) {
  const { platform, way, ways, progress, target, signal } = connection;
  const status = await readFirewall(connection, way);
  let from = way;
  for (const step of planFirewallSteps(status, platform.firewall.ssh, way.kind)) {
    if (step.through === 'vpn' && from.kind !== 'vpn') {
      const name = platform.vpn.peers[0]?.name;
      if (name === undefined) return { ssh: 'public', stillOpen: true } as const;
      progress.step('waiting for the VPN: SSH closes in public once this machine reaches the host through it');
      progress.note(`bring it up with the file of \`socle vpn config ${name}\``);
      if (!(await vpnAnswers(connection, vpnWait))) return { ssh: 'public', stillOpen: true } as const;
      from = ways.vpn;
    }
    progress.step(
      `firewall: ${step.ruleset === 'closed' ? 'SSH through the VPN only' : 'SSH in public and through the VPN'}`,
    );
    await applyFirewallStep({ ...connection, target, signal }, from, step);
  }
  return { ssh: platform.firewall.ssh, stillOpen: false } as const;
}
