import { resolveArtifacts } from '../cluster/mirror.ts';
import { writePrivate } from '../platform/operator-files.ts';
import { writePeerFiles } from '../vpn/peers.ts';
import { revisionOf } from './bundle.ts';
import type { Connection } from './connect.ts';
import { deliver } from './deliver.ts';
import { chooseDomains, type Domain } from './domains.ts';
import { readFacts } from './facts.ts';
import { lockHost } from './host-lock.ts';
import { planOps } from './ops.ts';
import type { RunRecord } from './records.ts';
import { requireSupported, wantedPorts } from './requirements.ts';
import { followRun, noteChanges, startRun } from './run.ts';
import { applyFirewallStep, loaded, planFirewallSteps, readFirewall, tolerable, vpnAnswers } from './settle.ts';
import { execAsRoot, type Way } from './ssh.ts';
import { refuseToCut, tunnelChanges } from './tunnel.ts';
import { ansibleVariables } from './variables.ts';

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
  /** Artifacts, the release and secrets that the host had not, by name. */
  readonly sent: readonly string[];
  /** Where SSH answers now; null where this run left it as it was. */
  readonly ssh: 'vpn' | 'public' | null;
  /** SSH was to be closed in public, and nobody came through the VPN. */
  readonly stillOpen: boolean;
  /** Where the daemon answers; null when it was not provisioned. */
  readonly api: string | null;
  /** WireGuard files of peers that were written here. */
  readonly peerFiles: readonly string[];
}

/**
 * Makes the host what the platform file says, or tells what would change. The run goes on when we are interrupted.
 * @throws `host-unsupported`, `domain-unavailable`, `domain-needs-another`, `cluster-fixed`, `vpn-would-be-cut`,
 *   `mirror-incomplete`, `checksum-mismatch` before anything was changed; then `busy`, `run-failed`, `firewall-reverted`
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
  const ops = domains.includes('ops') ? await planOps(platform, file, deps) : undefined;
  // Two operators at once would send artifacts and secrets over each other's, and remove them under each other's run.
  await using lock = await lockHost(deps, way, actor);
  const { parcels, secrets, variables } = await deliver(deps, way, { facts, artifacts, ops, check });
  progress.step('starting the run');
  const request = { check, only: domains, actor, revision: await revisionOf(file) };
  lock.requireHeld();
  const id = await startRun(deps, way, request, {
    ...ansibleVariables(platform, artifacts),
    ...variables,
  });
  const others = Object.values(ways).filter(({ kind }) => kind !== way.kind);
  const record = await followRun(deps, [way, ...others], id);
  const sent = [...parcels, ...secrets.map((name) => `the secret ${name}`)];
  const result = { record, sent, ssh: null, stillOpen: false, peerFiles: [], api: ops?.url ?? null };
  if (check) return result;
  const changed = [...(facts.ansible ? [] : ['Install Ansible']), ...secrets.map((name) => `Send the secret ${name}`)];
  const noted = async (through: Way, more: readonly string[]) => {
    const all = [...changed, ...more];
    return all.length === 0 ? record : await noteChanges(deps, through, id, all);
  };
  if (!domains.includes('network')) return { ...result, record: await noted(way, []) };
  await keepHostKey(connection);
  const peerFiles = await writePeerFiles(platform, connection.files);
  const settled = await settleFirewall(connection, peerFiles, options.vpnWait);
  const { ssh, stillOpen } = settled;
  return { ...result, peerFiles, ssh, stillOpen, record: await noted(settled.from, settled.changed) };
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
  const changed: string[] = [];
  for (const step of planFirewallSteps(status, platform.firewall.ssh, way.kind)) {
    if (step.through === 'vpn' && from.kind !== 'vpn') {
      const name = platform.vpn.peers[0]?.name;
      if (name === undefined) return { ssh: 'public', stillOpen: true, from, changed } as const;
      progress.step('waiting for the VPN: SSH closes in public once this machine reaches the host through it');
      progress.note(`bring it up with ${peerFiles[0] ?? `the file of \`socle vpn config ${name}\``}`);
      if (!(await vpnAnswers(connection, vpnWait))) return { ssh: 'public', stillOpen: true, from, changed } as const;
      from = ways.vpn;
    }
    progress.step(loaded[step.ruleset]);
    await applyFirewallStep(connection, from, step);
    from = ways[step.through];
    changed.push(loaded[step.ruleset]);
  }
  return { ssh: platform.firewall.ssh, stillOpen: false, from, changed } as const;
}
