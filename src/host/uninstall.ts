import { dirname, resolve } from 'node:path';
import { asSocleError, fail, SocleError } from '../kernel/errors.ts';
import { loadDocument } from '../platform/load.ts';
import { revisionOf } from './bundle.ts';
import type { Connection } from './connect.ts';
import type { Domain } from './domains.ts';
import type { Deviation } from './drift-report.ts';
import { installAnsible } from './facts.ts';
import { lockHost } from './host-lock.ts';
import { lookAtHost } from './look.ts';
import { planHostPlatform } from './ops-platform.ts';
import { type RunRecord, runRecord, type Stay } from './records.ts';
import { finishedRun, followRun, startRun } from './run.ts';
import { applyFirewallStep, tolerable } from './settle.ts';
import { execAsRoot, type Way } from './ssh.ts';
import { scopeOf, type UninstallScope } from './uninstall-plan.ts';

export interface UninstallOptions {
  readonly file: string;
  /** Empty means all that the host has. */
  readonly only: readonly Domain[];
  /** State, records, keys and the cluster's data too. Vaults and databases never. */
  readonly withData: boolean;
  readonly actor: string;
}

export interface UninstallPlan extends UninstallScope {
  readonly withData: boolean;
  /** Empty when there is nothing of Socle. */
  readonly removes: readonly Deviation[];
  readonly stays: readonly Stay[];
}

export interface Uninstalled {
  readonly record: RunRecord;
  /** The record is on the host still: `socle runs show`. */
  readonly recordKept: boolean;
  /** Where SSH answers now. */
  readonly way: Way;
}

/** Something of a domain is there: what its role makes first, and what goes last. */
const presentScript = `unit() { test -e "/etc/systemd/system/$1.service"; }
ours() { grep -qs 'Written by Socle' "/etc/systemd/system/$1.service"; }
if unit socle || test -e /opt/socle/releases; then echo ops; fi
if ours k3s || { ! unit k3s && test -e /usr/local/bin/k3s && test -e /var/lib/rancher/k3s/server/manifests/socle-local-path.yaml; }; then
  echo orchestration
fi
if unit socle-firewall || unit socle-wireguard || unit socle-address || test -e /etc/socle/firewall; then echo network; fi`;

/**
 * What would be removed and what would stay. Leaves nothing on the host.
 * @throws `domain-needs-another`, `busy`, `run-failed` when not everything could be looked at
 */
export async function planUninstall(connection: Connection, options: UninstallOptions): Promise<UninstallPlan> {
  const { target, way, signal, progress } = connection;
  progress.step('looking for what is there');
  const { stdout } = await execAsRoot(target, way, presentScript, { timeout: 60_000, signal });
  const scope = scopeOf(stdout.split('\n').filter((line) => line !== '') as Domain[], options.only);
  const request = { ...(await requestOf(options, scope)), check: true };
  const looked = await lookAtHost(connection, request, await variablesOf(connection, options, scope));
  const { deviations, stays } = finishedRun(runRecord.parse(looked));
  return { ...scope, withData: options.withData, removes: deviations, stays };
}

/**
 * Removes what the plan says, in a unit of its own that a lost connection does not matter to. Before the firewall goes, SSH
 * has to answer in public, or nothing is removed.
 * @throws `firewall-reverted` when it does not; `busy`, `run-failed`: the next one goes on from there
 */
export async function applyUninstall(
  connection: Connection,
  plan: UninstallPlan,
  options: UninstallOptions,
): Promise<Uninstalled> {
  const { target, ways, progress, signal } = connection;
  const deps = { target, progress, signal };
  const way = plan.domains.includes('network') ? await openInPublic(connection) : connection.way;
  await using _ = await lockHost(deps, way, options.actor);
  if (!(await hasAnsible(deps, way))) {
    progress.step('installing Ansible on the host');
    await installAnsible(target, way, signal);
  }
  progress.step('starting the run');
  const request = { ...(await requestOf(options, plan)), check: false };
  const id = await startRun(deps, way, request, await variablesOf(connection, options, plan));
  const others = Object.values(ways).filter(({ kind }) => kind !== way.kind);
  const record = await followRun(deps, [way, ...others], id).catch((error) => {
    throw goOn(error, way);
  });
  if (plan.whole) await forgetRun(deps, way, plan.withData);
  return { record, recordKept: !(plan.whole && plan.withData), way };
}

async function requestOf({ file, actor }: UninstallOptions, { domains }: UninstallScope) {
  return { uninstall: true, only: domains, actor, revision: await revisionOf(file) };
}

async function variablesOf(
  { platform, target }: Connection,
  { file, withData }: UninstallOptions,
  { domains, whole }: UninstallScope,
): Promise<Record<string, unknown>> {
  const { directories, vaults } = planHostPlatform(await loadDocument(file), platform, dirname(resolve(file)));
  return {
    uninstall_domains: domains,
    uninstall_whole: whole,
    uninstall_with_data: withData,
    uninstall_login: target.user,
    uninstall_state: directories.filter((path) => !vaults.includes(path)),
    uninstall_vaults: vaults,
  };
}

/** @throws `firewall-reverted`: nobody can come in public, and the host is as it was */
async function openInPublic(connection: Connection): Promise<Way> {
  const { target, ways, way, progress, signal } = connection;
  if (way.kind === 'public') return way;
  const answer = await execAsRoot(target, ways.public, 'true', { timeout: 20_000, signal }).catch(tolerable);
  if (answer) return ways.public;
  progress.step('firewall: SSH in public again, before anything is removed');
  await applyFirewallStep(connection, way, { ruleset: 'open', through: 'public' }).catch((error) => {
    if (!(error instanceof SocleError) || error.code !== 'firewall-reverted') throw error;
    throw fail('firewall-reverted', error.message, {
      ...error.details,
      next: 'nothing was removed: see that SSH can reach the public address (a firewall of the provider’s, the `host.address` of the platform file), then run it again',
    });
  });
  return ways.public;
}

type Deps = Pick<Connection, 'target' | 'signal'>;

async function hasAnsible({ target, signal }: Deps, way: Way): Promise<boolean> {
  const script = 'command -v ansible-playbook >/dev/null';
  const { exitCode } = await execAsRoot(target, way, script, { accept: [0, 1, 127], timeout: 30_000, signal });
  return exitCode === 0;
}

function goOn(error: unknown, way: Way): unknown {
  if (!(error instanceof SocleError) || error.code !== 'run-failed') return asSocleError(error);
  const open = way.kind === 'public' ? ' SSH answers in public meanwhile.' : '';
  return fail('run-failed', error.message, {
    ...error.details,
    next: `correct what is named, then run \`socle uninstall\` again: it goes on from here. \`socle up\` brings the host back.${open}`,
  });
}

/** What the run itself needed, once it has been read. `rmdir` takes what is empty. */
const forgetScript = `set -e
if systemctl is-active --quiet socle-run.service; then exit 1; fi
# With cgroup v1 it may still be loaded.
systemctl stop socle-run.service 2>/dev/null || true
bundles=/var/lib/socle/bundles
current=$(readlink "$bundles/current" || true)
if [ "$2" = all ]; then
  rm -rf "$bundles" /var/lib/socle/runs
else
  for old in "$bundles"/r-*; do [ "\${old##*/}" = "$current" ] || rm -rf "$old"; done
fi
rm -rf /run/socle
for place in /var/lib/socle /root/.ansible/tmp /root/.ansible/cp /root/.ansible; do rmdir "$place" 2>/dev/null || true; done`;

/** By a new connection: that SSH still answers, by the way that remains, has been seen then. */
async function forgetRun({ target, signal }: Deps, way: Way, all: boolean): Promise<void> {
  await execAsRoot(target, way, forgetScript, { args: [all ? 'all' : 'old'], timeout: 60_000, signal });
}
