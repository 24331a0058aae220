import { wantedMajors } from '../../../host/postgresql.ts';
import { type Check, check, fail, pass, passUnless, some, warn } from '../check.ts';

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
    looks: ['daemonStatus'],
    judge({ daemonStatus: { databases } }) {
      const late = databases.filter(({ backups }) => !backups.withinTarget || backups.state === 'off');
      return passUnless(
        late.map(({ name, backups }) => `${name}: ${backups.state}, ${backups.detail}`),
        databases.map(({ name, backups }) => `${name} ${backups.lastSuccessAt ?? ''}`).join(', ') || 'no database',
      );
    },
  }),
  check({
    id: 'drills-within-target',
    title: 'a drill has proven a backup of every database, not too long ago',
    requirements: ['FR23', 'NFR-8', 'MO-4'],
    side: 'inside',
    next: '`sudo socle drill list` on the host; docs/runbooks has a page for each state',
    looks: ['daemonStatus'],
    judge({ daemonStatus: { databases } }) {
      const late = databases.filter(({ drills }) => !drills.withinTarget || drills.state === 'off');
      return passUnless(
        late.map(({ name, drills }) => `${name}: ${drills.state}, ${drills.detail}`),
        databases.map(({ name, drills }) => `${name} ${drills.lastSuccessAt ?? ''}`).join(', ') || 'no database',
      );
    },
  }),
  check({
    id: 'vault-within-target',
    title: 'what lies in the vault was read back, and was whole',
    requirements: ['FR22'],
    side: 'inside',
    next: '`sudo socle backup verify` on the host',
    looks: ['daemonStatus'],
    judge({ daemonStatus: { integrity } }) {
      const good = integrity.state === 'ok' || (integrity.state === 'off' && integrity.withinTarget);
      return (good ? pass : fail)(`${integrity.state}, ${integrity.detail}`);
    },
  }),
];
