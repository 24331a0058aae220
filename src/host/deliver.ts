import type { Artifact } from '../cluster/mirror.ts';
import { mirrorParcels, missingParcels, sendParcels } from './artifacts.ts';
import { type HostFacts, installAnsible } from './facts.ts';
import type { PlannedOps } from './ops.ts';
import type { RunDeps } from './run.ts';
import type { Way } from './ssh.ts';

export interface Delivered {
  /** Artifacts and parts of the release that the host had not, by name. */
  readonly parcels: readonly string[];
  /** Secrets that it had not as they are now, by name. */
  readonly secrets: readonly string[];
  /** For the role `ops`. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What a run is to find on the host. */
export interface Order {
  readonly facts: HostFacts;
  readonly artifacts: readonly Artifact[];
  readonly ops: PlannedOps | undefined;
  /** Nothing but Ansible gets there: it is only told what would. */
  readonly check: boolean;
}

/**
 * Brings a host what a run needs besides the roles: Ansible, and meanwhile artifacts, the release and secrets.
 * @throws `command-failed`, `checksum-mismatch`, `secret-missing-on-host`, `release-incomplete`, `host-unreachable`; what
 *   arrived stays, and is not sent again
 */
export async function deliver(deps: RunDeps, way: Way, { facts, artifacts, ops, check }: Order): Promise<Delivered> {
  const { progress, target, signal } = deps;
  const ansible = async () => {
    if (facts.ansible) return;
    progress.step('installing Ansible on the host');
    await installAnsible(target, way, signal);
  };
  const rest = async (): Promise<Delivered> => {
    await using release = await ops?.pack(facts.architecture);
    const missing = await missingParcels(deps, way, [...mirrorParcels(artifacts), ...(release?.parcels ?? [])]);
    if (!check) await sendParcels(deps, way, missing);
    const secrets = (await ops?.settleSecrets(way, check ? 'compare' : 'write')) ?? [];
    if (!facts.ansible) progress.step('installing Ansible on the host');
    return {
      parcels: missing.map(({ name }) => name),
      secrets,
      variables: release ? (ops?.variables(release) ?? {}) : {},
    };
  };
  return (await bothToTheEnd(ansible(), rest()))[1];
}

/** What both came to; neither is left half-way because the other one failed. @throws what the first of them that failed did */
export async function bothToTheEnd<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}
