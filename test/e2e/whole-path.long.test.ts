import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import type { DrillReport } from '../../src/drill/schema.ts';
import type { VerifyReport } from '../../src/governance/verify/verify.ts';
import type { RunRecord } from '../../src/host/records.ts';
import type { Repeats } from '../../src/host/repeats.ts';
import { silent } from '../../src/kernel/progress.ts';
import { parsePlatform } from '../../src/platform/load.ts';
import { statePaths } from '../../src/platform/paths.ts';
import { k3sExceptions } from '../../src/sandbox/kubernetes.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses, type DebianRelease } from '../../src/sandbox/names.ts';
import { ofTheMachineBelow } from '../support/container-skips.ts';
import { linkMirror, whyNoK3s } from '../support/k3s.ts';
import { keptPod } from '../support/kept-pod.ts';
import { answerOf, Operator } from '../support/operator.ts';
import { OperatorsVault } from '../support/operators-vault.ts';
import { until } from '../support/until.ts';

/**
 * The main path of the product, in the order in which an operator goes it: from a bare machine to a platform that has
 * proven that it can come back. Its parts have tests of their own, which look closer.
 */
const vpn = '10.8.0.1';
const api = `http://${vpn}:7410`;
const serviceAddress = '10.43.0.80';
const nodePort = 30_080;
const mirror = findMirror();

const why = whyNoK3s('', ['wireguard-go', 'wg', 'curl', 'restic', 'rclone']);
/** Without a mirror the path is gone without K3s. */
const k3s = mirror !== null;
const ofK3s = test.skipIf(!k3s);
const title = `${why}${k3s ? '' : '(K3s is SKIPPED: there is no artifact mirror)'}`;

/** What a run that changes nothing leaves running as it is. */
const units = [
  ...['ssh', 'systemd-journald', 'socle-address', 'socle-firewall', 'socle-wireguard'],
  ...['socle', 'socle-drill.socket', 'socle-facts.timer', 'postgresql@*-main.service'],
  ...(k3s ? ['k3s'] : []),
];

interface Answer {
  readonly record: RunRecord;
  readonly ssh: string | null;
  readonly api: string | null;
}

const inSeconds = (ms: number) => `${Math.round(ms / 100) / 10} s`;
const told = ({ record }: Answer) =>
  `${record.seconds} s by its record, changed ${record.changed.length}, ${JSON.stringify(record.roles)}`;

/** A throw-away machine, its operator, and what the mirror has for it. */
async function newOperator(name: string, release: DebianRelease) {
  const directory = await mkdtemp(join(tmpdir(), 'socle-whole-'));
  const operator = new Operator(await bootMachine({ name, release, kubernetes: k3s }, silent), directory);
  const own = join(directory, 'mirror');
  const cluster = mirror === null ? {} : { mirror_sums: await linkMirror(mirror, own) };
  const options = [...(await operator.login()), ...(mirror === null ? [] : ['--mirror', own])];
  return { operator, cluster, options };
}

/** A run of `socle up` that ends well, and how long it took the operator. */
async function up(operator: Operator, options: readonly string[]): Promise<Answer & { readonly text: string }> {
  const start = performance.now();
  const { exitCode, answer } = await operator.socle<Answer>('up', ...options);
  const took = inSeconds(performance.now() - start);
  expect(exitCode, JSON.stringify(answer)).toBe(0);
  return { ...answer, text: `${took}; ${told(answer)}` };
}

async function leave(operator: Operator | undefined, name: string) {
  await operator?.leaveVpn();
  await removeMachine(name);
  await rm(operator?.directory ?? '', { recursive: true, force: true });
}

describe.skipIf(why !== '').each([13, 12] as const)(`the whole path on a fresh Debian %i ${title}`, (release) => {
  const name = `test-whole-${release}`;
  let operator: Operator;
  let vault: OperatorsVault;
  let login: string[];
  let options: string[];
  let cluster: { mirror_sums?: string };
  /** What this machine remembers of the platform, which is root's, and in no directory of the test. */
  let state: string | undefined;

  const on = (script: string, input?: string) => operator.on(script, vpn, 600_000, input);
  const must = async (script: string, input?: string) => {
    const { exitCode, stdout, stderr } = await on(script, input);
    expect(exitCode, `${script}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  };
  const answers = async (address: string) => (await operator.on('true', address, 4_000)).exitCode === 0;
  const kubectl = (args: string, input?: string) => must(`k3s kubectl ${args}`, input);
  /** What somebody gets who asks from there, such as the banner of SSH. */
  const curl = async (url: string, where: 'operator' | 'wan' = 'operator') =>
    (await operator.exec('curl', ['-sSk', '--http0.9', '--max-time', '3', url], where)).stdout;
  const page = () => curl(`http://${serviceAddress}/`);
  const inPublic = [addresses.host.v4, `[${addresses.host.v6}]`];
  const sshInPublic = inPublic.map((address) => `http://${address}:22/`);
  const nobodyOutsideGets = async (urls: readonly string[]) => {
    for (const url of urls) expect(await curl(url, 'wan'), url).toBe('');
  };
  const ready = async () => (await curl(`${api}/readyz`)) === '{"status":"pass"}';
  const runningUnits = async () => {
    const names = units.map((unit) => `"${unit}"`).join(' ');
    const text = await must(`systemctl show --property=Id,InvocationID,NRestarts,ActiveState ${names}`);
    // One that does not run, or that the pattern misses, would stay as it is, too.
    expect(text.match(/^ActiveState=active$/gm), text).toHaveLength(units.length);
    expect(text.match(/^InvocationID=[0-9a-f]{32}$/gm), text).toHaveLength(units.length);
    return text;
  };

  beforeAll(async () => {
    ({ operator, cluster, options } = await newOperator(name, release));
    login = await operator.login();
    vault = await OperatorsVault.start(operator, 8000);
    // Whoever is outside may send what they like to the host.
    await operator.exec('ip', ['route', 'replace', '10.0.0.0/8', 'via', addresses.host.v4], 'wan');
  }, 600_000);
  afterAll(async () => {
    await vault?.stop();
    await leave(operator, name);
    if (state !== undefined) await rm(state, { recursive: true, force: true });
  }, 600_000);

  test('`socle init` writes the platform file, and what a container needs of K3s is added to it', async () => {
    const about = ['--name', name, '--host', addresses.host.v4, '--database', 'shop', '--vault', vault.repository];
    const { exitCode, answer } = await operator.socle('init', ...about, ...(k3s ? ['--with-cluster'] : []), '--yes');
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    const file = join(operator.directory, 'platform.yaml');
    const document = parseDocument(await readFile(file, 'utf8'));
    if (k3s) {
      document.setIn(['cluster', 'mirror_sums'], cluster.mirror_sums);
      document.setIn(['cluster', 'k3s'], { config: k3sExceptions });
    }
    await writeFile(file, document.toString());
    state = statePaths(parsePlatform(document.toString(), file)).root;
    expect(await operator.socle('config', 'check')).toMatchObject({ exitCode: 0 });
  });

  test('`socle up` waits for the VPN, and closes SSH in public once it came through', async ({ annotate }) => {
    const start = performance.now();
    const upping = answerOf<Answer>(operator.startSocle('up', ...options, '--vpn-wait', '10m'));
    const peerFile = join(operator.config, 'socle', name, 'peer-laptop.conf');
    const ended = upping.then((answer) => expect(existsSync(peerFile), JSON.stringify(answer)).toBe(true));
    await Promise.race([ended, until('the file of the first peer', () => existsSync(peerFile), 1_500)]);
    // Who is outside does reach the host: its silence later is the host's own.
    for (const url of sshInPublic) expect(await curl(url, 'wan'), url).toMatch(/^SSH-2\.0-/);
    await operator.joinVpn(await readFile(peerFile, 'utf8'));
    const { exitCode, answer } = await upping;
    await annotate(`first run of everything: ${inSeconds(performance.now() - start)}; ${told(answer)}`);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(answer).toMatchObject({ ssh: 'vpn', api, record: { status: 'done', failed: [] } });
    await nobodyOutsideGets(sshInPublic);
    expect(await answers(addresses.host.v4)).toBe(false);
    expect(await answers(vpn)).toBe(true);
  });

  ofK3s('K3s of the mirror is Ready', async () => {
    expect(await kubectl('get nodes --no-headers')).toMatch(/^\S+ +Ready /);
  });

  ofK3s('a pod with a volume serves through its ClusterIP to a peer, and to nobody outside', async () => {
    await kubectl('apply -f -', keptPod({ serviceAddress, nodePort }));
    await kubectl('-n try rollout status deployment/kept --timeout=300s');
    await kubectl('-n try exec deploy/kept -- sh -c "echo still here > /data/index.html"');
    await until('the page is served', async () => (await page()) === 'still here', 120);
    const pod = await kubectl('-n try get pod -l app=kept -o jsonpath={.items[0].status.podIP}');
    const public_ = inPublic.flatMap((address) => [`http://${address}:${nodePort}/`, `https://${address}:6443/`]);
    await nobodyOutsideGets([`http://${serviceAddress}/`, `http://${pod}:8080/`, `https://${vpn}:6443/`, ...public_]);
    expect(await curl(`https://${vpn}:6443/`)).toContain('Unauthorized');
  });

  test('after a reboot everything is back with its data', async ({ annotate }) => {
    const start = performance.now();
    const since = () => inSeconds(performance.now() - start);
    await operator.reboot(vpn, 600);
    await annotate(`reboot to SSH through the VPN: ${since()}`);
    await until('the API answers', ready, 300);
    await annotate(`reboot to the API: ${since()}`);
    if (k3s) {
      await until('the page is served again', async () => (await page()) === 'still here', 600);
      await annotate(`reboot to the page served: ${since()}`);
    }
    expect(await answers(addresses.host.v4)).toBe(false);
  });

  test('the API answers through the tunnel and only through it', async () => {
    expect(await ready()).toBe(true);
    const others = inPublic.map((address) => `http://${address}:7410/readyz`);
    await nobodyOutsideGets([`${api}/readyz`, ...others]);
    for (const url of others) expect(await curl(url), url).toBe('');
  });

  test('a PostgreSQL of the host is backed up into a vault off the host, and a drill proves it', async ({
    annotate,
  }) => {
    await operator.uncoverProc(vpn);
    const version = await must('ls /usr/lib/postgresql');
    const configuration = `/etc/postgresql/${version}/main`;
    const psql = (sql: string, database: string) =>
      must(`runuser -u postgres -- psql -qXv ON_ERROR_STOP=1 -d ${database}`, sql);
    // As docs/provisioning.md says it.
    await must(`pg_createcluster --locale en_US.UTF-8 --start ${version} main`);
    await must('runuser -u postgres -- createdb shop');
    await psql('CREATE TABLE product AS SELECT id, md5(id::text) FROM generate_series(1, 5000) id;', 'shop');
    await must(`echo 'socle socle socle_backup' >> ${configuration}/pg_ident.conf`);
    await must(`sed -i '1i local all socle_backup peer map=socle' ${configuration}/pg_hba.conf`);
    await must('systemctl reload postgresql');
    await psql(await must('socle database grant shop'), 'shop');
    await must('socle database check shop');
    await must('socle vault init');
    const start = performance.now();
    await must('socle backup run --database shop');
    await annotate(`backup: ${inSeconds(performance.now() - start)}`);
    const drill: DrillReport = JSON.parse(await must('socle drill run --database shop --json'));
    await annotate(
      `drill: ${drill.verdict}, recovery time ${drill.recoveryTime?.ms} ms, data loss ${drill.dataLoss?.ms} ms, ${JSON.stringify(drill.timings)}`,
    );
    expect(drill).toMatchObject({ verdict: 'proven', recoveryTime: { met: true }, dataLoss: { met: true } });
    await must('socle backup verify');
  });

  test('a recovery kit off the host opens the vault', async () => {
    for (const command of [
      ['create', '--to', 'kit', ...login.slice(0, 2)],
      ['confirm', '--from', 'kit'],
    ]) {
      const { exitCode, answer } = await operator.socle('kit', ...command);
      expect(exitCode, JSON.stringify(answer)).toBe(0);
    }
  });

  test('of five runs in a row all but the first change nothing, and none of these restarts a service', async ({
    annotate,
  }) => {
    // It lets the spare peer of the kit in.
    const first = await up(operator, options);
    await annotate(`run 1 of 5: ${first.text}`);
    const before = await runningUnits();
    for (let run = 2; run <= 5; run += 1) await annotate(`run ${run} of 5: ${(await up(operator, options)).text}`);
    expect(await runningUnits()).toBe(before);
    const { answer: records } = await operator.socle<RunRecord[]>('runs', 'list', ...login);
    const five = records.filter(({ check, drift }) => !check && !drift).slice(0, 5);
    await annotate(
      `changed, oldest first: ${five
        .map(({ changed }) => changed.length)
        .reverse()
        .join(', ')}`,
    );
    expect(five.map(({ status }) => status)).toEqual(Array(5).fill('done'));
    expect(five.slice(0, 4).map(({ changed }) => changed)).toEqual(Array(4).fill([]));
    const { exitCode, answer: stats } = await operator.socle<Repeats>('runs', 'stats', '--last', '5', ...login);
    await annotate(`${stats.unchanged} of ${stats.repeated} repeated runs changed nothing: rate ${stats.rate}`);
    expect(stats).toMatchObject({ rate: 1, unexpected: [] });
    expect(stats.consecutive).toBeGreaterThanOrEqual(4);
    expect(exitCode).toBe(0);
  });

  test('`socle verify` is green: every port was asked, and only what a container cannot show is skipped', async ({
    annotate,
  }) => {
    const compared = await operator.socle('drift', 'run', ...login);
    expect(compared.exitCode, JSON.stringify(compared.answer)).toBe(0);
    const { exitCode, answer } = await operator.socle<VerifyReport>('verify', ...login);
    const of = (...which: string[]) => answer.checks.filter(({ verdict }) => which.includes(verdict));
    await annotate(`verify: ${answer.seconds} s, ${JSON.stringify(answer.counts)}`);
    for (const { id, evidence } of of('warn')) await annotate(`warn: ${id}: ${evidence}`);
    expect(of('fail', 'unknown')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(answer).toMatchObject({ way: 'vpn', quick: false, compliant: true });
    const skipped = of('skip').filter(({ evidence }) => k3s || evidence !== 'the platform has no cluster');
    const expected = [...ofTheMachineBelow, 'tls-certificate', 'tls-protocol', ...(k3s ? ['k3s-kernel-defaults'] : [])];
    expect(skipped.map(({ id }) => id).sort()).toEqual(expected.sort());
  });
});

describe.skipIf(why !== '').each([13, 12] as const)(
  `each provisioning domain by itself on a fresh Debian %i ${title}`,
  (release) => {
    const name = `test-domain-${release}`;
    let operator: Operator;
    let options: string[];

    beforeAll(async () => {
      const made = await newOperator(name, release);
      ({ operator, options } = made);
      const password = join(operator.directory, 'vault.password');
      await writeFile(password, 'canary-of-the-vault\n', { mode: 0o600 });
      const platform = {
        name,
        environment: 'dev',
        host: { address: addresses.host.v4 },
        // The VPN is the other machine's.
        firewall: { ssh: 'public' },
        ...(k3s ? { cluster: { ...made.cluster, k3s: { config: k3sExceptions } } } : {}),
        backup: { vault: { repository: '/srv/vault', password: { file: password } } },
      };
      await writeFile(join(operator.directory, 'platform.yaml'), stringify(platform));
    }, 600_000);
    afterAll(() => leave(operator, name), 600_000);

    test.for(['network', 'orchestration', 'ops'])('%s, first and again', async (domain, { annotate, skip }) => {
      skip(domain === 'orchestration' && !k3s, 'there is no artifact mirror');
      for (const which of ['first', 'again']) {
        const run = await up(operator, [...options, '--only', domain]);
        await annotate(`up --only ${domain}, ${which}: ${run.text}`);
        expect(run.record.only).toEqual([domain]);
        expect(run.record.changed.length > 0).toBe(which === 'first');
      }
    });

    test('everything, again', async ({ annotate }) => {
      const run = await up(operator, options);
      await annotate(`up, again: ${run.text}`);
      expect(run.record.changed).toEqual([]);
    });
  },
);
