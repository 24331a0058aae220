import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { fail, SocleError } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';

/** `firewall status` of the host. */
export const firewallStatus = z.object({
  /** Which ruleset a reboot brings; empty before the first one was confirmed. */
  confirmed: z.enum(['', 'open', 'closed']),
  /** It is the text that the platform file gives now. */
  current: z.boolean(),
  /** The kernel has it, unchanged. */
  loaded: z.boolean(),
  trial: z.boolean(),
});
export type FirewallStatus = z.output<typeof firewallStatus>;

export interface FirewallStep {
  readonly ruleset: 'open' | 'closed';
  /** The way that has to work behind it: only then it becomes permanent. */
  readonly through: 'public' | 'vpn';
}

const good = ({ current, loaded, trial }: FirewallStatus) => current && loaded && !trial;

/**
 * What is left to do for the firewall, in order. `closed` is wanted when SSH is for the VPN only; it is tried behind the
 * VPN alone, and until somebody is there, SSH stays open in public.
 */
export function planFirewallSteps(status: FirewallStatus, wanted: 'vpn' | 'public', way: Way['kind']): FirewallStep[] {
  if (wanted === 'public') {
    return status.confirmed === 'open' && good(status) ? [] : [{ ruleset: 'open', through: way }];
  }
  if (status.confirmed === 'closed') return good(status) ? [] : [{ ruleset: 'closed', through: 'vpn' }];
  const close: FirewallStep = { ruleset: 'closed', through: 'vpn' };
  return status.confirmed === 'open' && good(status) ? [close] : [{ ruleset: 'open', through: way }, close];
}

/** What a run that changed the firewall says of it. */
export const loaded = {
  open: 'Load the firewall: SSH in public and through the VPN',
  closed: 'Load the firewall: SSH through the VPN only',
} as const;

export interface SettleDeps {
  readonly target: SshTarget;
  readonly ways: { readonly public: Way; readonly vpn: Way };
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

const helper = '/usr/local/lib/socle/firewall';

export async function readFirewall({ target, signal }: SettleDeps, way: Way): Promise<FirewallStatus> {
  const { stdout } = await execAsRoot(target, way, `${helper} status`, { timeout: 30_000, signal });
  return firewallStatus.parse(JSON.parse(stdout));
}

/** Seconds until a ruleset that nobody confirmed is taken back. */
const trialSeconds = 45;

/**
 * Tries a ruleset and makes it permanent once the host has been reached behind it, by a new connection.
 * @throws `firewall-reverted`: the host has the ruleset from before, or will within 45 s
 */
export async function applyFirewallStep(deps: SettleDeps, from: Way, step: FirewallStep): Promise<void> {
  const { target, ways, signal } = deps;
  const deadline = performance.now() + (trialSeconds - 5) * 1_000;
  const args = [step.ruleset, `${trialSeconds}s`];
  // A ruleset that cuts us off ends this connection: what counts is the next one.
  await execAsRoot(target, from, `${helper} try "$2" "$3"`, { args, timeout: 20_000, signal }).catch(tolerable);
  for (;;) {
    const result = await execAsRoot(target, ways[step.through], `${helper} confirm`, {
      accept: [0, 3],
      timeout: 15_000,
      signal,
    }).catch(tolerable);
    if (result?.exitCode === 0) return;
    if (result?.exitCode === 3 || performance.now() > deadline) break;
    await sleep(500, undefined, { signal });
  }
  throw fail(
    'firewall-reverted',
    `nobody reached the host at ${ways[step.through].address} behind the ruleset ${step.ruleset}`,
    {
      ruleset: step.ruleset,
      way: step.through,
    },
  );
}

/** A host that does not answer now is an answer too. */
export function tolerable(error: unknown): undefined {
  if (error instanceof SocleError && ['host-unreachable', 'host-unknown', 'timeout'].includes(error.code))
    return undefined;
  throw error;
}

/** Resolves true once the host answers through the VPN; false when `milliseconds` have passed. */
export async function vpnAnswers({ target, ways, signal }: SettleDeps, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const answer = await execAsRoot(target, ways.vpn, 'true', { timeout: 10_000, signal }).catch(tolerable);
    if (answer) return true;
    if (performance.now() >= deadline) return false;
    await sleep(1_000, undefined, { signal });
  }
}
