import { existsSync } from 'node:fs';
import { mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { VerifyReport } from '../../src/governance/verify/verify.ts';
import type { Drift } from '../../src/host/drift-report.ts';
import { silent } from '../../src/kernel/progress.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses, suites } from '../../src/sandbox/names.ts';
import { directoryOf } from '../../src/sandbox/store.ts';
import { AptRepository } from '../support/apt-repository.ts';
import { Operator } from '../support/operator.ts';

const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));
const missing = ['wireguard-go', 'wg', 'apt-ftparchive', 'gpg'].filter((tool) => !installed(tool));
const why =
  userInfo().uid !== 0 ? 'needs root' : missing.length > 0 ? `SKIPPED: there is no ${missing.join(', ')}` : '';

const port = 8080;
const mirror = `http://${addresses.operator.v4}:${port}`;
const key = '/usr/share/postgresql-common/pgdg/apt.postgresql.org.gpg';
/** What the role writes, and the lists that apt keeps of the repository. */
const ours = '/etc/apt/preferences.d/socle-pgdg /etc/apt/apt.conf.d/53socle-pgdg /etc/apt/sources.list.d/pgdg.sources';
const lists = '/var/lib/apt/lists/*-pgdg_*';
/** What PGDG's programs need in its own version; Debian 12 has no last one. */
const shared = ['libpq5', 'postgresql-client-common', 'postgresql-common', 'postgresql-common-dev'];

interface Failed {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly next: string;
    readonly details: { readonly output: string };
  };
}
interface Off {
  readonly plan: {
    readonly removes: readonly { readonly where: string }[];
    readonly stays: readonly { readonly what: string; readonly where: string; readonly why: string }[];
  };
}

/**
 * PGDG's repository is not reached from here: this one has the same form, with packages of the right names, the
 * distribution's own under newer versions among them. Its key is a test's, put where Debian's package has PGDG's.
 */
describe.skipIf(why !== '').each([13, 12] as const)(`PostgreSQL from PGDG on a Debian %i ${why}`, (release) => {
  const name = `test-pgdg-${release}`;
  const own = release === 13 ? 17 : 15;
  const version = (text: string) => `${text}.pgdg${release}+1`;
  let operator: Operator;
  let login: string[];
  let repository: AptRepository;

  const told = async (script: string) => (await operator.on(script)).stdout;
  const versionOf = (one: string) => told(`dpkg-query -W -f '\${Version}' ${one}`);
  const candidate = async (one: string) => /Candidate: (.*)/.exec(await told(`apt-cache policy ${one}`))?.[1];
  const aboutPgdg = () => told(`ls ${ours} ${lists} 2>/dev/null`);

  const platform = (postgresql: object) =>
    writeFile(
      join(operator.directory, 'platform.yaml'),
      stringify({
        name,
        environment: 'dev',
        host: { address: addresses.host.v4, postgresql },
        firewall: { ssh: 'public' },
        databases: [{ name: 'shop', connection: { database: 'shop', user: 'socle' } }],
        backup: {
          schedule: 'off',
          vault: { repository: '/srv/vault', password: { command: ['echo', 'of-the-vault'] } },
        },
        drill: { schedule: 'off' },
      }),
    );
  const up = (...args: string[]) => operator.socle('up', ...login, ...args);
  async function changes(...args: string[]) {
    const { exitCode, answer } = await up(...args);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    return answer.record.changed.map(({ task }) => task);
  }
  /** What the run said that failed. */
  async function refused() {
    const { exitCode, answer } = await operator.socle<Failed>('up', ...login, '--only', 'ops');
    expect({ exitCode, code: answer.error?.code }, JSON.stringify(answer)).toEqual({
      exitCode: 69,
      code: 'run-failed',
    });
    return answer.error.details.output;
  }
  const pgdg = (majors: number[], where = mirror) => platform({ source: 'pgdg', majors, mirror: where });

  /** The distribution's own packages, under a newer version. */
  async function repack(): Promise<void> {
    const place = '/srv/packages';
    await operator.on(
      `mkdir -p ${place}; cd ${place}; apt-get -q update; for one in ${shared.join(' ')}; do apt-get -q download $one; done`,
    );
    const here = join(directoryOf(name), 'upper', place);
    for (const one of (await told(`cd ${place} && ls`)).split('\n')) {
      await repository.addAgain(join(here, one), version(one.startsWith('libpq5') ? '99.1-1' : '999'));
    }
    await operator.on(`rm -r ${place}`);
  }

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'socle-pgdg-'));
    operator = new Operator(await bootMachine({ name, release }, silent), directory);
    login = await operator.login();
    repository = new AptRepository(await mkdtemp(join(tmpdir(), 'apt-')), `${suites[release]}-pgdg`);
    await repository.makeKey();
    await repack();
    for (const major of [16, own]) {
      const at = (program: string) => `/usr/lib/postgresql/${major}/bin/${program}`;
      const saying = (...programs: string[]) =>
        Object.fromEntries(programs.map((program) => [at(program), `${program} (PostgreSQL) ${major}.99`]));
      await repository.add({
        name: `postgresql-${major}`,
        version: version(`${major}.99-1`),
        depends: `postgresql-client-${major}, postgresql-common (>= 999)`,
        programs: saying('postgres', 'initdb'),
      });
      await repository.add({
        name: `postgresql-client-${major}`,
        version: version(`${major}.99-1`),
        depends: 'libpq5 (>= 99), postgresql-client-common (>= 999)',
        programs: saying('pg_dump', 'pg_restore', 'psql', 'pg_dumpall'),
      });
    }
    for (const one of ['restic', 'curl', 'only-there']) await repository.add({ name: one, version: version('99-1') });
    await repository.publish();
    await platform({});
    await operator.socle('vpn', 'add', 'laptop');
  }, 900_000);
  afterAll(async () => {
    await repository?.remove();
    await removeMachine(name);
    await rm(operator?.directory ?? '', { recursive: true, force: true });
    // The operator's record of it: as root, that is beside a host's own.
    await rm(join('/var/lib/socle/platforms', name), { recursive: true, force: true });
    for (const place of ['/var/lib/socle/platforms', '/var/lib/socle']) await rmdir(place).catch(() => {});
  });

  test('a major version that the distribution has not is refused before anything is changed', async () => {
    await platform({ majors: [own, 16] });
    const { exitCode, answer } = await operator.socle<Failed>('up', ...login);
    expect({ exitCode, code: answer.error.code }).toEqual({ exitCode: 4, code: 'host-unsupported' });
    expect(answer.error.message).toContain(`Debian ${release} has PostgreSQL ${own}, and not 16`);
    expect(answer.error.next).toContain('`host.postgresql.source: pgdg`');
    expect(await told('ls -d /etc/socle /var/lib/socle 2>/dev/null')).toBe('');
  });

  test('a repository that does not answer ends the run with that, and apt is as it was', async () => {
    await pgdg([16]);
    await changes('--only', 'network');
    const output = await refused();
    expect(output).toContain(`${mirror} does not answer`);
    expect(output).toMatch(/^E: Failed to fetch .*-pgdg\/InRelease/m);
    expect(await aboutPgdg()).toBe('');
  });

  test('so does one that PGDG has not signed', async () => {
    await repository.serve(operator.machine.namespaces.operator, port);
    const output = await refused();
    expect(output).toContain(`${mirror} has not the signature of PGDG (${key})`);
    expect(await aboutPgdg()).toBe('');
    expect(await told(`ls -d /usr/lib/postgresql/* 2>/dev/null`)).toBe('');
    expect((await operator.on('apt-get -q update')).exitCode).toBe(0);
  });

  test('its programs are installed, with what they need and nothing else', async ({ annotate }) => {
    // Where Debian's package has PGDG's: dpkg leaves a file alone that was diverted.
    await operator.on(
      `dpkg-divert --local --rename --divert ${key}.debian --add ${key} && base64 -d > ${key}`,
      undefined,
      undefined,
      await repository.key(),
    );
    const start = performance.now();
    expect(await changes()).toContain("Install PostgreSQL's programs from PGDG");
    await annotate(`with PGDG: ${Math.round((performance.now() - start) / 1_000)} s`);
    expect(await told('/usr/lib/postgresql/16/bin/pg_dump')).toBe('pg_dump (PostgreSQL) 16.99');
    expect(JSON.parse(await told('socle version --json')).postgresql).toEqual([16]);
    for (const one of ['postgresql-16', 'postgresql-client-16']) expect(await versionOf(one)).toBe(version('16.99-1'));
    expect(await versionOf('libpq5')).toBe(version('99.1-1'));
    expect(await versionOf('postgresql-common')).toBe(version('999'));
    expect(await told('pg_lsclusters --no-header')).toBe('');
    for (const one of ['restic', 'curl', `postgresql-${own}`]) {
      expect(await candidate(one), one).toMatch(/\d/);
      expect(await candidate(one), one).not.toContain('pgdg');
    }
    expect(await candidate('only-there')).toBe('(none)');
    expect((await told('apt-get -s dist-upgrade')).match(/^Inst .*pgdg.*/gm)).toBe(null);
  });

  test('the host’s apt reads it with the rest, and its fixes are part of the daily upgrades', async () => {
    const { exitCode, stderr } = await operator.on('apt-get -q update');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const dry = 'unattended-upgrade --dry-run -v 2>&1';
    expect(await told(dry)).toContain(`origin=apt.postgresql.org,codename=${suites[release]}-pgdg`);
    const newer = version('16.100-1');
    await repository.add({ name: 'postgresql-client-16', version: newer, depends: 'libpq5 (>= 99)' });
    await repository.publish();
    await operator.on('apt-get -q update');
    expect(await told(dry)).toMatch(/^Packages that will be upgraded:.* postgresql-client-16\b/m);
  });

  test('a second run changes nothing, and asks the repository for nothing', async () => {
    await repository.stop();
    expect(await changes()).toEqual([]);
    await repository.serve(operator.machine.namespaces.operator, port);
  });

  test('what is changed by hand is drift, and is put right', async () => {
    await operator.on('sed -i s/-1/990/ /etc/apt/preferences.d/socle-pgdg; rm /etc/apt/apt.conf.d/53socle-pgdg');
    await operator.on('dpkg -r postgresql-16');
    const { answer } = await operator.socle<Drift>('drift', 'run', ...login);
    expect(answer.report?.deviations).toEqual([
      expect.objectContaining({
        what: 'content',
        where: '/etc/apt/preferences.d/socle-pgdg',
        found: 'Pin-Priority: 990',
      }),
      expect.objectContaining({ what: 'file', where: '/etc/apt/apt.conf.d/53socle-pgdg', found: 'absent' }),
      expect.objectContaining({ what: 'package of PGDG', where: 'postgresql-16', expected: 'installed' }),
    ]);
    expect((await changes('--only', 'ops')).at(-1)).toBe("Install PostgreSQL's programs from PGDG");
    expect(await versionOf('postgresql-16')).toBe(version('16.99-1'));
    expect(await changes('--only', 'ops')).toEqual([]);
  });

  test('a wrong mirror, and a version that it has not, leave the right one in place', async () => {
    const before = await told(`cat ${ours}`);
    await pgdg([16], 'http://mirror.invalid/pgdg');
    expect(await refused()).toContain('http://mirror.invalid/pgdg does not answer');
    await pgdg([16], `${mirror}/elsewhere`);
    expect(await refused()).toContain(`${mirror}/elsewhere has nothing for ${suites[release]}`);
    await pgdg([16, 14]);
    expect(await refused()).toContain(`${mirror} has no postgresql-client-14 for ${suites[release]}`);
    expect(await told(`cat ${ours}`)).toBe(before);
    expect(await versionOf('postgresql-16')).toBe(version('16.99-1'));
  });

  test('`socle verify` says where the programs come from', async () => {
    await pgdg([16]);
    expect(await changes('--only', 'ops')).not.toContain("Install PostgreSQL's programs from PGDG");
    const { answer } = await operator.socle<VerifyReport>('verify', '--quick', ...login);
    expect(answer.checks.find(({ id }) => id === 'postgresql-programs')).toMatchObject({
      verdict: 'pass',
      evidence: expect.stringContaining(`postgresql-16 ${version('16.99-1')} (pgdg)`),
    });
  });

  test('back to the distribution: apt hears no more of it, and the distribution’s own are installed', async () => {
    await platform({});
    expect(await changes('--only', 'ops')).toContain('Install what backups and drills run');
    expect(await told(`ls ${ours} 2>/dev/null`)).toBe('');
    expect(await versionOf(`postgresql-${own}`)).toMatch(/^\d[\d.]+-\d+\+deb/);
    expect(await versionOf('postgresql-16')).toBe(version('16.99-1'));
    expect(await changes('--only', 'ops')).toEqual([]);
    const { answer } = await operator.socle<VerifyReport>('verify', '--quick', ...login);
    expect(answer.checks.find(({ id }) => id === 'postgresql-programs')).toMatchObject({
      verdict: 'warn',
      evidence: expect.stringContaining('from PGDG, and nothing upgrades them: postgresql-16; postgresql-client-16'),
    });
  });

  test('the distribution’s version gives way to a newer one of PGDG, once', async () => {
    await pgdg([own]);
    await changes('--only', 'ops');
    expect(await versionOf(`postgresql-${own}`)).toBe(version(`${own}.99-1`));
    expect(await changes('--only', 'ops')).toEqual([]);
  });

  test('an uninstallation takes what apt was told, and names the packages that stay', async () => {
    const dry = await operator.socle<Off>('uninstall', ...login, '--only', 'ops', '--dry-run');
    const removes = dry.answer.plan.removes.map(({ where }) => where);
    expect(removes).toEqual(expect.arrayContaining(ours.split(' ')));
    expect(dry.answer.plan.stays).toContainEqual({
      what: 'packages',
      where: expect.stringContaining(`postgresql-${own}`),
      why: expect.stringContaining('of PGDG'),
    });
    const off = await operator.socle<Off>('uninstall', ...login, '--only', 'ops', '--yes');
    expect(off.exitCode, JSON.stringify(off.answer)).toBe(0);
    expect(await told(`ls ${ours} 2>/dev/null`)).toBe('');
    expect(await told(`/usr/lib/postgresql/${own}/bin/pg_dump`)).toContain(`${own}.99`);
  });
});
