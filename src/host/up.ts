import { setTimeout as sleep } from 'node:timers/promises';
import { resolveArtifacts } from '../cluster/mirror.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { type OperatorFiles, operatorFiles, writePrivate } from '../platform/operator-files.ts';
import type { HostConfig, Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';
import { writePeerFiles } from '../vpn/peers.ts';
import { forgetArtifacts, missingArtifacts, uploadArtifacts } from './artifacts.ts';
import { revisionOf } from './bundle.ts';
import { chooseDomains, type Domain } from './domains.ts';
import { installAnsible, readFacts } from './facts.ts';
import { knowHost } from './host-key.ts';
import type { RunRecord } from './records.ts';
import { requireSupported, wantedPorts } from './requirements.ts';
import { followRun, startRun } from './run.ts';
import {
  applyFirewallStep,
  planFirewallSteps,
  readFirewall,
  type SettleDeps,
  tolerable,
  vpnAnswers,
} from './settle.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';
import { refuseToCut, tunnelChanges } from './tunnel.ts';
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
  /** Empty means all that the platform file describes. */
  readonly only: readonly Domain[];
  readonly check: boolean;
  readonly actor: string;
  /** A directory of artifacts, where a flag names one. */
  readonly mirror: string | undefined;
  /** Milliseconds to wait for the VPN before SSH stays open in public. */
  readonly vpnWait: number;
}

export interface UpResult {
  readonly record: RunRecord;
  /** Artifacts of the mirror that the host had not, by name. */
  readonly sent: readonly string[];
  /** Where SSH answers now; null where this run left it as it was. */
  readonly ssh: 'vpn' | 'public' | null;
  /** SSH was to be closed in public, and nobody came through the VPN. */
  readonly stillOpen: boolean;
  /** WireGuard files of peers that were written here. */
  readonly peerFiles: readonly string[];
}

/**
 * Makes the host what the platform file says, or tells what would change. The run goes on when we are interrupted.
 * @throws `host-unsupported`, `domain-unavailable`, `domain-needs-another`, `vpn-would-be-cut`, `mirror-incomplete`,
 *   `checksum-mismatch` before anything was changed; then `busy`, `run-failed`, `firewall-reverted`
 */
export async function up(found: Connection, options: UpOptions): Promise<UpResult> {
  const { platform, target, ways, progress, signal } = found;
  const { check, actor, file } = options;
  const domains = chooseDomains(platform, options.only);
  const cluster = domains.includes('orchestration') ? platform.cluster : undefined;
  const facts = await readFacts(target, found.way, wantedPorts(platform, domains), signal);
  requireSupported(facts, platform, domains);
  const changes = facts.tunnel && domains.includes('network') ? tunnelChanges(platform, facts.tunnel) : [];
  const connection = changes.length > 0 && !check ? await leaveTunnel(found, changes) : found;
  const { way } = connection;
  const deps = { target, progress, signal };
  const artifacts = cluster ? await resolveArtifacts({ named: options.mirror, sums: cluster.mirror_sums }) : [];
  const missing = await missingArtifacts(deps, way, artifacts);
  if (!facts.ansible) {
    progress.step('installing Ansible on the host');
    await installAnsible(target, way, signal);
  }
  if (!check) await uploadArtifacts(deps, way, missing);
  progress.step('starting the run');
  const request = { check, only: domains, actor, revision: await revisionOf(file) };
  const id = await startRun(deps, way, request, ansibleVariables(platform, artifacts));
  const others = Object.values(ways).filter(({ kind }) => kind !== way.kind);
  const record = await followRun(deps, [way, ...others], id);
  const result = { record, sent: missing.map(({ name }) => name), ssh: null, stillOpen: false, peerFiles: [] };
  if (check) return result;
  if (missing.length > 0) await forgetArtifacts(deps, way);
  if (!domains.includes('network')) return result;
  await keepHostKey(connection);
  const peerFiles = await writePeerFiles(platform, connection.files);
  return { ...result, peerFiles, ...(await settleFirewall(connection, peerFiles, options.vpnWait)) };
}

/** By the public address, when the tunnel that we came through will not outlive the run. @throws `vpn-would-be-cut` */
async function leaveTunnel(connection: Connection, changes: readonly string[]): Promise<Connection> {
  const { target, ways, signal } = connection;
  const answer = await execAsRoot(target, ways.public, 'true', { timeout: 20_000, signal }).catch(tolerable);
  return answer ? { ...connection, way: ways.public } : refuseToCut(changes);
}

/** The host's public WireGuard key, for the files of the peers. */
async function keepHostKey({ target, way, files, signal }: Connection): Promise<void> {
  const script = 'wg pubkey < /etc/socle/wireguard/private.key';
  const { stdout } = await execAsRoot(target, way, script, { timeout: 30_000, signal });
  await writePrivate(files.hostPublicKey, `${stdout.trim()}\n`);
}

async function settleFirewall(connection: Connection, peerFiles: readonly string[], vpnWait: number) {
  const { platform, way, ways, progress } = connection;
  const status = await readFirewall(connection, way);
  let from = way;
  for (const step of planFirewallSteps(status, platform.firewall.ssh, way.kind)) {
    if (step.through === 'vpn' && from.kind !== 'vpn') {
      const name = platform.vpn.peers[0]?.name;
      if (name === undefined) return { ssh: 'public', stillOpen: true } as const;
      progress.step('waiting for the VPN: SSH closes in public once this machine reaches the host through it');
      progress.note(`bring it up with ${peerFiles[0] ?? `the file of \`socle vpn config ${name}\``}`);
      if (!(await vpnAnswers(connection, vpnWait))) return { ssh: 'public', stillOpen: true } as const;
      from = ways.vpn;
    }
    progress.step(
      `firewall: ${step.ruleset === 'closed' ? 'SSH through the VPN only' : 'SSH in public and through the VPN'}`,
    );
    await applyFirewallStep(connection, from, step);
  }
  return { ssh: platform.firewall.ssh, stillOpen: false } as const;
}
