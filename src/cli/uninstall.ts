import type { Uninstalled, UninstallOptions, UninstallPlan } from '../host/uninstall.ts';
import { fail } from '../kernel/errors.ts';
import type { Platform } from '../platform/schema.ts';
import { only } from './domain-options.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { flag } from './options.ts';
import { table } from './table.ts';
import type { Answer } from './verb.ts';
import { verb as define } from './verb.ts';

/** `socle uninstall` */
export const verb = define({
  options: {
    only: { ...only, description: 'provisioning domains: ops, orchestration, network (default: all that is there)' },
    withData: flag(
      '--with-data',
      'state, run records, keys and the data of the cluster too; vaults and databases never',
    ),
    dryRun: flag('--dry-run', 'show what would go and what would stay, and change nothing'),
    yes: flag('--yes', 'do not ask'),
    identity,
    hostKey,
  },
  examples: [
    'socle uninstall --dry-run',
    'socle uninstall --yes',
    'socle uninstall --only orchestration --yes',
    'socle uninstall --with-data --yes --json',
  ],
  about:
    'Takes Socle off the host: shows what goes and what stays, asks, and removes it in a unit of the host’s own that a lost\n' +
    'connection does not matter to. SSH has to answer in public before the firewall and the VPN go, or nothing goes. Data\n' +
    'stays unless --with-data is given; vaults, databases and Debian’s packages always stay. `socle up` brings it back.',
  async run({ only, withData, dryRun, yes, ...login }, session) {
    const connection = await connect(session, login);
    const { planUninstall, applyUninstall } = await import('../host/uninstall.ts');
    const options: UninstallOptions = { file: session.file(), only, withData, actor: session.actor };
    const plan = await planUninstall(connection, options);
    const { address } = connection.ways.public;
    const planned: Answer = { data: { plan, record: null }, text: () => planText(plan, address) };
    if (dryRun || plan.removes.length === 0) return planned;
    if (!session.json) await session.show(planned);
    if (!yes && !(await session.confirm(`Take ${plan.removes.length} things off ${address}?`))) {
      throw fail('not-confirmed', `${plan.removes.length} things would be taken off ${address}`, { plan });
    }
    const [db, { recordOperation }] = await Promise.all([session.state(), import('../governance/operations.ts')]);
    const operation = { action: 'host.uninstall', actor: session.actor, subject: address };
    const done = await recordOperation(db, session.clock, operation, () => applyUninstall(connection, plan, options));
    return { data: { plan, ...done }, text: () => doneText(plan, done, connection.platform) };
  },
});

function planText({ removes, stays, domains, whole }: UninstallPlan, address: string): string {
  const scope = whole ? 'Socle' : `${domains.join(', ')} of Socle`;
  const going = removes.map(({ what, where, found }) => [what, where, found]);
  const staying = stays.map(({ what, where, why }) => [what, where, why]);
  return [
    removes.length === 0
      ? `There is nothing of ${scope} on ${address} to remove.`
      : `This goes from ${address}:\n${table(['what', 'where', 'found'], going)}`,
    ...(stays.length === 0 ? [] : [`This stays:\n${table(['what', 'where', 'why'], staying)}`]),
  ].join('\n\n');
}

function doneText(plan: UninstallPlan, { record, recordKept, way }: Uninstalled, platform: Platform): string {
  const { domains, whole } = plan;
  const user = platform.host?.user;
  return [
    `${record.id}: ${whole ? 'Socle is' : `${domains.join(', ')} ${domains.length === 1 ? 'is' : 'are'}`} off the host.`,
    ...(domains.includes('network')
      ? [
          `SSH answers in public: ${user}@${way.address}, port ${platform.host?.port}. The VPN is gone: bring it down on this machine.`,
        ]
      : []),
    ...(domains.includes('ops') && platform.ops.heartbeat
      ? ['Nobody sends the heartbeat any more: silence its monitor.']
      : []),
    recordKept
      ? 'The record stays on the host: `socle runs show last`.'
      : 'The host’s run records are gone; `socle operations list` has this one.',
    whole
      ? 'Next: nothing; `socle up` brings the host back.'
      : 'Next: take what went out of the platform file, and run `socle up`: until then the host is not compared with anything.',
  ].join('\n');
}
