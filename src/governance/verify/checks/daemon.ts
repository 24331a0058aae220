import { wantedMajors } from '../../../host/postgresql.ts';
import type { RunRecord } from '../../../host/records.ts';
import type { Tracked } from '../../../observability/schema.ts';
import { type Check, check, fail, type Outcome, pass, skip, some, toCome, warn } from '../check.ts';

/** Work that the daemon does on a schedule: whose, and how it stands. */
type Work = readonly (readonly [name: string, Tracked])[];

/**
 * Work that never failed and has not begun is to come, for as long as its target, counted from the first run that made the
 * host: whoever has just made one sees no red for what the schedule does by itself.
 */
function judgeWork(work: Work, wrong: (tracked: Tracked) => boolean, runs: readonly RunRecord[], now: Date): Outcome {
  const made = runs.findLast((run) => !run.check && run.status === 'done' && run.only.includes('ops'))?.endedAt;
  const waits = ({ state, lastFailureAt, nextAt, targetMs }: Tracked) =>
    state === 'never succeeded' &&
    lastFailureAt === null &&
    nextAt !== null &&
    made &&
    now.getTime() < Date.parse(made) + (targetMs ?? 0);
  const late = work.filter(([, tracked]) => wrong(tracked) && !waits(tracked));
  if (late.length > 0) return fail(some(late.map(([name, { state, detail }]) => `${name}: ${state}, ${detail}`)));
  const waiting = work.filter(([, tracked]) => wrong(tracked));
  if (waiting.length > 0)
    return toCome(some(waiting.map(([name, { nextAt }]) => `${name}: the first one is at ${nextAt}`)));
  return pass(
    work.map(([name, { lastSuccessAt, detail }]) => `${name} ${lastSuccessAt ?? detail}`).join(', ') || 'no database',
  );
}

const missing = ({ withinTarget, state }: Tracked) => !withinTarget || state === 'off';

/** What the daemon on the host has done in time, and what not. */
export const daemonChecks: readonly Check[] = [
  check({
    id: 'service-daemon',
    title: 'the daemon runs, and comes with the host',
    requirements: ['ES-1', 'NFR-6'],
    side: 'inside',
    next: '`systemctl status socle` on the host says why; `socle up` starts it',
    looks: ['services', 'daemonStatus'],
    judge({ services: { 'socle.service': unit } }) {
      const good = unit.active === 'active' && unit.file === 'enabled';
      return (good ? pass : fail)(`socle.service is ${unit.active}, ${unit.file || 'not there'}`);
    },
  }),
  check({
    id: 'postgresql-programs',
    title: 'PostgreSQL’s programs are of the major versions and the source of the platform file',
    requirements: ['FR21', 'FR23'],
    side: 'inside',
    next: 'see `host.postgresql` in the platform file, then run `socle up`',
    looks: ['postgresql', 'system'],
    judge({ postgresql, system: { release } }, { platform: { host } }) {
      const source = host?.postgresql.source ?? 'distribution';
      const wanted = host ? wantedMajors(host.postgresql, release) : [];
      const names = wanted.flatMap((major) => [`postgresql-client-${major}`, `postgresql-${major}`]);
      const missing = names.filter((name) => postgresql.every((one) => one.name !== name));
      if (missing.length > 0) return fail(`${missing.join(', ')} not installed`);
      const told = postgresql.map((one) => `${one.name} ${one.version} (${one.source})`).join(', ');
      // What PGDG has older than the distribution is not replaced by it.
      const other = postgresql.filter((one) => names.includes(one.name) && one.source !== source);
      if (other.length > 0) {
        return warn(`not from ${source}: ${some(other.map((one) => `${one.name} ${one.version}`))}`);
      }
      const left = postgresql.filter((one) => one.source === 'pgdg' && !names.includes(one.name));
      if (left.length === 0) return pass(told);
      const next = 'remove what no database needs any more, or put it into `host.postgresql`';
      return warn(`from PGDG, and nothing upgrades them: ${some(left.map((one) => one.name))}`, next);
    },
  }),
  check({
    id: 'backups-within-target',
    title: 'every database has a good backup that is young enough',
    requirements: ['FR21', 'NFR-7'],
    side: 'inside',
    next: '`sudo socle status` on the host; docs/runbooks has a page for each state',
    looks: ['daemonStatus', 'runs'],
    judge: ({ daemonStatus: { databases }, runs }, { now }) =>
      judgeWork(
        databases.map((one) => [one.name, one.backups]),
        missing,
        runs,
        now,
      ),
  }),
  check({
    id: 'drills-within-target',
    title: 'a drill has proven a backup of every database, not too long ago',
    requirements: ['FR23', 'NFR-8', 'MO-4'],
    side: 'inside',
    next: '`sudo socle drill list` on the host; docs/runbooks has a page for each state',
    looks: ['daemonStatus', 'runs'],
    judge: ({ daemonStatus: { databases }, runs }, { now }) =>
      judgeWork(
        databases.map((one) => [one.name, one.drills]),
        missing,
        runs,
        now,
      ),
  }),
  check({
    id: 'vault-within-target',
    title: 'what lies in the vault was read back, and was whole',
    requirements: ['FR22'],
    side: 'inside',
    next: '`sudo socle backup verify` on the host',
    looks: ['daemonStatus', 'runs'],
    judge: ({ daemonStatus: { integrity }, runs }, { now }) =>
      judgeWork([['the vault', integrity]], ({ withinTarget }) => !withinTarget, runs, now),
  }),
  check({
    id: 'cluster-copies-within-target',
    title: 'a copy of the cluster’s datastore is in the vault, and young enough',
    requirements: ['FR22', 'NFR-7'],
    side: 'inside',
    next: '`sudo socle cluster snapshot save` on the host; docs/runbooks/cluster-restore.md says what it is for',
    looks: ['daemonStatus', 'runs'],
    judge({ daemonStatus: { datastore }, runs }, { platform, now }) {
      if (datastore === null)
        return skip(platform.cluster ? 'the platform has no vault' : 'the platform has no cluster');
      return judgeWork([['the cluster', datastore]], missing, runs, now);
    },
  }),
];
