import { daemonElsewhere, type Elsewhere } from '../host/elsewhere.ts';
import { platformOfHost } from '../host/ops-platform.ts';
import { exit } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/units.ts';
import { describeTarget } from '../observability/notify/target.ts';
import { undeliveredText } from '../observability/notify/undelivered.ts';
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
    'production, and where there is a host, it warns until a recovery kit was confirmed. Away from a host whose daemon\n' +
    'does the work it knows nothing of that, and says how to ask the host.\n' +
    'Exit code 0: all is well, or a warning (docs/exit-codes.md); 3: something has failed, is overdue or has never\n' +
    'succeeded; 5: not known here.',
  async run(_, session) {
    const [platform, state] = [await session.platform(), await session.state()];
    const status = collectStatus(platform, state, session.clock);
    const when = await session.when();
    // A daemon that ran with this state makes its figures those of the platform, wherever the file lies.
    const elsewhere = status.daemon === null ? daemonElsewhere(platform, session.file()) : null;
    // The vaults are those of the host, with the paths that hold there; `socle kit status` asks it.
    const recoveryKit = kitStatus(
      state,
      elsewhere === null ? platform : await platformOfHost(platform, session.file()),
    );
    const source = { state: (await session.paths()).database, elsewhere };
    const warning = kitWanted(platform) && recoveryKit.state !== 'confirmed' ? recoveryKit.detail : undefined;
    return {
      data: { ...status, status: elsewhere === null ? status.status : 'unknown', source, recoveryKit },
      exit: elsewhere ? exit.notTested : status.status === 'fail' ? exit.notProven : exit.ok,
      text: () =>
        (elsewhere ? elsewhereText(status, source.state, elsewhere, when) : statusText(status, when)) +
        (warning === undefined ? '' : `\n\n${warn('warning')}  ${warning}`),
    };
  },
});

/** Nothing that this machine has not seen is called a failure; what was done by hand from here is shown. */
function elsewhereText(status: Status, state: string, { host, command }: Elsewhere, when: When): string {
  const seen = rowsOf(status).filter(([, , one]) => one.lastSuccessAt !== null || one.lastFailureAt !== null);
  const known =
    seen.length === 0
      ? `This machine has done nothing for the platform (${state}).`
      : `What was done from this machine (${state}):\n\n${rowsText(seen, when)}`;
  return [
    `${strong(status.platform)} (${status.environment})  ${warn('unknown')}  ${faint('from here')}`,
    `The daemon of this platform is on its host, ${host}: what is backed up and proven is known there.`,
    known,
    `Next: ${command}`,
  ].join('\n\n');
}

export function statusText(status: Status, when: When): string {
  const daemon = status.daemon?.running
    ? `daemon running since ${when(status.daemon.startedAt)}`
    : 'the daemon does not run: `socle serve`';
  const head = `${strong(status.platform)} (${status.environment})  ${outcomePaint[status.status](status.status)}  ${faint(daemon)}`;
  return [head, rowsText(rowsOf(status), when), ...notificationsText(status, when)].join('\n\n');
}

/** Who could not be told, and what their server answered; nothing when all is delivered. */
function notificationsText({ notifications }: Status, when: When): string[] {
  const lines = notifications.flatMap((one) => {
    const text = undeliveredText({ ...one, since: one.since && when(one.since) });
    return text === null ? [] : [`${warn('not told')}  ${describeTarget(one)}: ${text}`];
  });
  const next = 'Next: correct `ops.notify` or the mail server (docs/runbooks/notifications.md)';
  return lines.length === 0 ? [] : [[...lines, next].join('\n')];
}

type Row = readonly [name: string, what: string, one: Tracked];

const rowsOf = ({ databases, integrity, datastore, copies, retention }: Status): Row[] => [
  ...databases.flatMap(({ name, backups, drills }): Row[] => [
    [name, 'backups', backups],
    [name, 'drills', drills],
  ]),
  ['the vault', 'checks', integrity],
  ...(datastore ? [['the cluster', 'copies', datastore] as const] : []),
  ...(copies ? [['the second vault', 'copies', copies] as const] : []),
  ...(retention ? [['old backups', 'retention', retention] as const] : []),
];

function rowsText(rows: readonly Row[], when: When): string {
  const cells = rows.map(([name, what, one]) => row(name, what, one, when));
  return table(['what', '', 'state', 'last success', 'took', '30 days', 'next', ''], cells, [4, 5]);
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
