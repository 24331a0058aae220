import { exit } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/units.ts';
import type { Outcome, State, Status, Tracked } from '../observability/schema.ts';
import { collectStatus } from '../observability/status.ts';
import { kitStatus, kitWanted } from '../recovery/store.ts';
import { bad, faint, good, strong, warn } from './paint.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';
import type { When } from './when.ts';

const statePaint: Readonly<Record<State, (text: string) => string>> = {
  ok: good,
  overdue: bad,
  failing: bad,
  'never succeeded': bad,
  off: faint,
};
const outcomePaint: Readonly<Record<Outcome, (text: string) => string>> = { pass: good, warn, fail: bad };

/** `socle status` */
export const verb = define({
  options: {},
  examples: ['socle status', 'socle status --json'],
  about:
    'The same that `/v1/health` serves, read from the state on this machine: it works without the daemon too. In\n' +
    'production, and where there is a host, it warns until a recovery kit was confirmed.\n' +
    'Exit code 0: all is well, or a warning; 3: something has failed, is overdue or has never succeeded.',
  async run(_, session) {
    const [platform, state] = [await session.platform(), await session.state()];
    const status = collectStatus(platform, state, session.clock);
    const recoveryKit = kitStatus(state, platform);
    const when = await session.when();
    const warning = kitWanted(platform) && recoveryKit.state !== 'confirmed' ? recoveryKit.detail : undefined;
    return {
      data: { ...status, recoveryKit },
      exit: status.status === 'fail' ? exit.notProven : exit.ok,
      text: () => statusText(status, when) + (warning === undefined ? '' : `\n\n${warn('warning')}  ${warning}`),
    };
  },
});

export function statusText(status: Status, when: When): string {
  const daemon = status.daemon?.running
    ? `daemon running since ${when(status.daemon.startedAt)}`
    : 'the daemon does not run: `socle serve`';
  const head = `${strong(status.platform)} (${status.environment})  ${outcomePaint[status.status](status.status)}  ${faint(daemon)}`;
  const rows = [
    ...status.databases.flatMap(({ name, backups, drills }) => [
      row(name, 'backups', backups, when),
      row(name, 'drills', drills, when),
    ]),
    row('the vault', 'checks', status.integrity, when),
    ...(status.datastore ? [row('the cluster', 'copies', status.datastore, when)] : []),
  ];
  return `${head}\n\n${table(['what', '', 'state', 'last success', 'took', '30 days', 'next', ''], rows, [4, 5])}`;
}

function row(name: string, what: string, one: Tracked, when: When): string[] {
  const rate = one.successRate ? `${Math.floor(one.successRate.rate * 1000) / 10} %` : '';
  return [
    name,
    what,
    statePaint[one.state](one.state) + (one.running ? faint(' (running)') : ''),
    one.lastSuccessAt === null ? 'never' : when(one.lastSuccessAt),
    one.lastDurationMs === null ? '' : formatDuration(one.lastDurationMs),
    rate,
    one.nextAt === null ? '' : when(one.nextAt),
    one.state === 'ok' ? '' : one.detail,
  ];
}
