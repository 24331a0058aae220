import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import { loaded } from '../../src/host/settle.ts';
import { silent } from '../../src/kernel/progress.ts';
import { k3sExceptions } from '../../src/sandbox/kubernetes.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { linkMirror, whyNoK3s } from '../support/k3s.ts';
import { keptPod } from '../support/kept-pod.ts';
import { answerOf, Operator } from '../support/operator.ts';
import { installPackages, type Traces, tracesOf } from '../support/traces.ts';
import { until } from '../support/until.ts';

const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));
const missing = ['wireguard-go', 'wg', 'nft', 'curl'].filter((tool) => !installed(tool));
const why =
  userInfo().uid !== 0 ? '(needs root)' : missing.length > 0 ? `(SKIPPED: there is no ${missing.join(', ')})` : '';

const vpn = '10.8.0.1';
const inPublic = addresses.host.v4;
const api = `http://${vpn}:7410`;
/** Below the state of the daemon: what removes that must not take the vault. */
const vault = '/var/lib/socle/daemon/vault';

/** What `socle uninstall` and the runs print, as far as these tests look into it. */
interface Off {
  readonly error?: { readonly code: string; readonly details: { readonly plan: Off['plan'] } };
  readonly plan: {
    readonly whole: boolean;
    readonly removes: readonly { readonly what: string; readonly where: string }[];
    readonly stays: readonly { readonly what: string; readonly where: string; readonly why: string }[];
  };
  readonly record: { readonly status: string; readonly uninstall: boolean; readonly key: string } | null;
  readonly recordKept: boolean;
  readonly way: { readonly kind: string };
}

/** One throw-away machine, its operator, and how Socle is taken off it. */
class Uninstalling {
  readonly name: string;
  operator!: Operator;
  login: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  async boot(release: 12 | 13, kubernetes: boolean, describe: (directory: string) => Promise<object>): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'socle-off-'));
    this.operator = new Operator(await bootMachine({ name: this.name, release, kubernetes }, silent), directory);
    this.login = await this.operator.login();
    const platform = { name: this.name, environment: 'dev', host: { address: inPublic } };
    await writeFile(join(directory, 'vault.password'), 'of-the-vault\n', { mode: 0o600 });
    await writeFile(join(directory, 'platform.yaml'), stringify({ ...platform, ...(await describe(directory)) }));
    await this.operator.socle('vpn', 'add', 'laptop');
  }

  async end(): Promise<void> {
    await this.operator?.leaveVpn();
    await removeMachine(this.name);
    await rm(this.operator?.directory ?? '', { recursive: true, force: true });
    // The operator's record of it: as root, that is beside a host's own.
    await rm(join('/var/lib/socle/platforms', this.name), { recursive: true, force: true });
    for (const place of ['/var/lib/socle/platforms', '/var/lib/socle']) await rmdir(place).catch(() => {});
  }

  peerFile = () => readFile(join(this.operator.config, 'socle', this.name, 'peer-laptop.conf'), 'utf8');
  up = (...args: string[]) => this.operator.socle('up', ...this.login, ...args);
  off = (...args: string[]) => this.operator.socle<Off>('uninstall', ...this.login, ...args);
  /** Within 4 s: a connection that hangs is no answer. */
  answers = async (address: string) => (await this.operator.on('true', address, 4_000)).exitCode === 0;
  told = async (script: string, address: string = inPublic) => (await this.operator.on(script, address)).stdout;
  runs = async () =>
    (await this.operator.socle<{ uninstall: boolean; status: string }[]>('runs', 'list', ...this.login)).answer;
}

/** What stays of a run, and is in the plan: generated locales, and who became root. */
const afterwards = ['/usr/lib/locale/locale-archive', '/var/log/sudo.log'];
const changedSettings = ['/etc/locale.gen', '/etc/login.defs'];
/** Where a user is while it is there. */
const accounts = ['/etc/group', '/etc/gshadow', '/etc/passwd', '/etc/shadow'];

/** Files of /etc that were there and say something else now. */
const changedIn = (before: Traces, after: Traces): string[] =>
  [...after.settings].filter(([path, hash]) => (before.settings.get(path) ?? hash) !== hash).map(([path]) => path);

const wheres = (some: readonly { readonly where: string }[]) => some.map(({ where }) => where);

/** What is there now and was not before. */
const leftBehind = (before: Traces, after: Traces): string[] =>
  [...after.paths].filter((path) => !before.paths.has(path));

describe.skipIf(why !== '').each([13, 12] as const)(`taking Socle off a fresh Debian %i ${why}`, (release) => {
  const it = new Uninstalling(`test-off-${release}`);
  let before: Traces;

  beforeAll(async () => {
    await it.boot(release, false, async () => ({
      databases: [{ name: 'shop', connection: { database: 'shop', user: 'socle' } }],
      backup: { schedule: 'off', vault: { repository: vault, password: { file: 'vault.password' } } },
      drill: { schedule: 'off' },
    }));
  }, 600_000);
  afterAll(() => it.end());

  /** An uninstallation with its data, and when its run has begun to remove things. */
  const beginning = () => {
    const started = it.operator.runsStarted();
    const going = it.operator.startSocle('uninstall', ...it.login, '--with-data', '--yes');
    const begun = () => it.operator.runsStarted() > started && it.operator.tasksDone() > 0;
    return { going, underWay: until('the run is under way', begun, 120) };
  };

  test('a host without Socle has nothing to remove, and a look leaves nothing', async () => {
    const bare = await tracesOf(it.operator);
    const { exitCode, answer } = await it.off('--dry-run');
    expect({ exitCode, removes: answer.plan?.removes }, JSON.stringify(answer)).toEqual({ exitCode: 0, removes: [] });
    const after = await tracesOf(it.operator);
    expect({ left: leftBehind(bare, after), runs: after.runs }).toEqual({ left: [], runs: bare.runs });
  });

  test('a host with network and daemon, closed behind its VPN', async () => {
    await installPackages(it.operator, ['network', 'ops']);
    before = await tracesOf(it.operator);
    expect(await it.up('--vpn-wait', '1s')).toMatchObject({ exitCode: 6 });
    await it.operator.joinVpn(await it.peerFile());
    expect(await it.up()).toMatchObject({ exitCode: 0, answer: { ssh: 'vpn' } });
    expect(await it.told('socle vault init', vpn)).toContain(vault);
    expect(await it.answers(inPublic)).toBe(false);
  });

  test('it tells what would go and what would stay, and does nothing without a yes', async () => {
    const seen = await tracesOf(it.operator, vpn);
    const runs = (await it.runs()).length;
    const dry = await it.off('--dry-run');
    expect(dry.exitCode, JSON.stringify(dry.answer)).toBe(0);
    const unasked = await it.off();
    expect(unasked).toMatchObject({ exitCode: 4, answer: { error: { code: 'not-confirmed' } } });
    expect(unasked.answer.error?.details.plan).toEqual(dry.answer.plan);
    expect(wheres(dry.answer.plan.removes)).toEqual(
      expect.arrayContaining(['socle.service', 'inet socle', 'wg0', '/etc/ssh/sshd_config.d/10-socle.conf']),
    );
    expect(dry.answer.plan.stays).toEqual(
      expect.arrayContaining([
        { what: 'vault', where: vault, why: 'backups are never removed' },
        { what: 'user', where: 'socle', why: 'owns /var/lib/socle/daemon' },
        expect.objectContaining({ what: 'key', where: '/etc/socle/wireguard/private.key' }),
        expect.objectContaining({ what: 'secret', where: '/etc/socle/secrets/backup.vault.password' }),
        expect.objectContaining({ what: 'packages', where: expect.stringContaining('restic') }),
      ]),
    );
    const after = await tracesOf(it.operator, vpn);
    expect(after.settings).toEqual(seen.settings);
    expect((await it.runs()).length).toBe(runs);
  });

  test('the firewall alone is refused: the daemon would be without it', async () => {
    const { exitCode, answer } = await it.off('--only', 'network', '--yes');
    expect({ exitCode, code: answer.error?.code }).toEqual({ exitCode: 4, code: 'domain-needs-another' });
  });

  test('while a run is under way it is refused', async () => {
    const upping = answerOf(it.operator.startSocle('up', ...it.login));
    await until('the run is under way', async () => (await it.told('systemctl is-active socle-run', vpn)) === 'active');
    expect(await it.off('--yes')).toMatchObject({ exitCode: 75, answer: { error: { code: 'busy' } } });
    expect(await upping).toMatchObject({ exitCode: 0 });
  });

  test('where nobody could come in in public, nothing is removed', async () => {
    const nft = (text: string) => it.operator.exec('nft', [text], 'host');
    await nft('add table inet provider');
    await nft('add chain inet provider in { type filter hook prerouting priority -400; }');
    await nft(`add rule inet provider in ip daddr ${inPublic} tcp dport 22 drop`);
    const { exitCode, answer } = await it.off('--yes');
    await nft('delete table inet provider');
    expect({ exitCode, code: answer.error?.code }).toEqual({ exitCode: 69, code: 'firewall-reverted' });
    expect(JSON.stringify(answer)).toContain('nothing was removed');
    await until('the ruleset from before is back', () => it.answers(vpn), 60);
    expect(await it.told('systemctl is-active socle.service socle-wireguard.service', vpn)).toBe('active\nactive');
    await until('SSH is closed in public', async () => !(await it.answers(inPublic)), 60);
  }, 300_000);

  test('through the tunnel it takes all off but data: SSH answers in public, and nothing of Socle runs', async ({
    annotate,
  }) => {
    const start = performance.now();
    const { exitCode, answer } = await it.off('--yes');
    await annotate(`uninstall through the tunnel: ${Math.round((performance.now() - start) / 1_000)} s`);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(answer).toMatchObject({
      recordKept: true,
      way: { kind: 'public' },
      record: { status: 'done', uninstall: true },
    });
    expect(answer.record?.key).toMatch(/^SHA256:/);
    await it.operator.leaveVpn();
    expect(await it.answers(inPublic)).toBe(true);
    const after = await tracesOf(it.operator);
    // The user stays with its state.
    expect(after.runs.replace(/^socle:x.*\n/m, '')).toBe(before.runs);
    for (const { where } of answer.plan.removes.filter(({ where }) => where.startsWith('/')))
      expect(after.paths.has(where), where).toBe(false);
    const stays = wheres(answer.plan.stays);
    const unexplained = leftBehind(before, after).filter(
      (path) => !stays.some((one) => one === path || path.startsWith(`${one}/`) || one.startsWith(`${path}/`)),
    );
    expect(await it.told('systemctl is-enabled nftables')).toBe('disabled');
    expect(unexplained).toEqual(afterwards.filter((path) => !stays.includes(path)));
    expect((await it.runs())[0]).toMatchObject({ status: 'done', uninstall: true });
    const operations = (await it.operator.socle<{ action: string; result: string }[]>('operations', 'list')).answer;
    expect(operations.map(({ action, result }) => [action, result])).toEqual([
      ['host.uninstall', 'ok'],
      ['host.uninstall', 'failed'],
    ]);
  }, 300_000);

  test('a second time it finds nothing, and changes nothing', async () => {
    const seen = await tracesOf(it.operator);
    const { exitCode, answer } = await it.off('--yes');
    expect({ exitCode, removes: answer.plan?.removes, record: answer.record }, JSON.stringify(answer)).toEqual({
      exitCode: 0,
      removes: [],
      record: null,
    });
    const after = await tracesOf(it.operator);
    expect({ paths: after.paths, runs: after.runs }).toEqual({ paths: seen.paths, runs: seen.runs });
  });

  test('`up` brings the host back: with its state, behind the same VPN', async () => {
    expect(await it.up('--vpn-wait', '1s')).toMatchObject({ exitCode: 6 });
    // The file from before: the host has its key still.
    await it.operator.joinVpn(await it.peerFile());
    expect(await it.up()).toMatchObject({
      exitCode: 0,
      answer: { ssh: 'vpn', record: { changed: [{ task: loaded.closed }] } },
    });
    const ready = async () => (await it.operator.exec('curl', ['-sS', '-m', '5', `${api}/readyz`])).stdout;
    await until('the daemon answers', async () => (await ready()) === '{"status":"pass"}', 60);
    const { stdout } = await it.operator.exec('curl', ['-sS', '-m', '5', `${api}/v1/operations`]);
    expect(JSON.parse(stdout).items.map(({ action }: { action: string }) => action)).toContain('vault.init');
    expect(await it.answers(inPublic)).toBe(false);
  }, 300_000);

  test('with its data too; killed on the host it says so, and the next one goes on from there', async () => {
    const { going, underWay } = beginning();
    const result = answerOf<Off>(going);
    await underWay;
    await it.told('systemctl kill --signal=SIGKILL socle-run.service');
    const { exitCode, answer } = await result;
    expect({ exitCode, code: answer.error?.code }, JSON.stringify(answer)).toEqual({
      exitCode: 69,
      code: 'run-failed',
    });
    await it.operator.leaveVpn();
    expect(await it.answers(inPublic)).toBe(true);
    expect((await it.runs())[0]).toMatchObject({ status: 'interrupted', uninstall: true });
    // Half of it: the firewall and the tunnel are still to go.
    expect(wheres((await it.off('--with-data', '--dry-run')).answer.plan.removes)).toEqual(
      expect.arrayContaining(['inet socle', 'wg0']),
    );
  }, 300_000);

  test('though the command is killed then, the host ends it, and SSH answers in public', async () => {
    const { going, underWay } = beginning();
    await underWay;
    going.kill('SIGKILL');
    await going.ended;
    await until('SSH answers in public', () => it.answers(inPublic), 60);
    await until('the run is over', async () => (await it.told('systemctl is-active socle-run')) !== 'active', 120);
    // What is left is the record that nobody has read.
    const last = (await it.runs())[0];
    expect(last).toMatchObject({ status: 'done', uninstall: true });
    const { exitCode, answer } = await it.off('--with-data', '--yes');
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(wheres(answer.plan.removes)).toEqual(['/var/lib/socle/runs', '/var/lib/socle/bundles']);
    expect(answer.recordKept).toBe(false);
  }, 300_000);

  test('nothing of Socle is left but what was said: the vault, what opens it, and settings that Debian’s files hold', async ({
    annotate,
  }) => {
    const after = await tracesOf(it.operator);
    expect(after.runs.replace(/^socle:x.*\n/m, '')).toBe(before.runs);
    const left = leftBehind(before, after);
    await annotate(`left behind: ${left.filter((path) => !path.startsWith(`${vault}/`)).join(' ')}`);
    const kept = ['/var/lib/socle', '/var/lib/socle/daemon', '/etc/socle', '/etc/socle/secrets'];
    const inVault = (path: string) => path === vault || path.startsWith(`${vault}/`);
    expect(left.filter(inVault).length).toBeGreaterThan(5);
    expect
      .soft(left.filter((path) => !inVault(path)))
      .toEqual([...afterwards, ...kept, '/etc/socle/secrets/.sent', '/etc/socle/secrets/backup.vault.password'].sort());
    expect([...before.paths].filter((path) => !after.paths.has(path))).toEqual([]);
    const changed = changedIn(before, after);
    await annotate(`changed: ${changed.join(' ')}`);
    // The user of the vault.
    expect(changed).toEqual([...accounts, ...changedSettings].sort());
  });

  test('once its vault lies elsewhere, its user goes too', async () => {
    await it.operator.on(`mv ${vault} /srv/vault && chown -R root: /srv/vault`);
    const { exitCode, answer } = await it.off('--with-data', '--yes');
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(wheres(answer.plan.removes)).toEqual(['/var/lib/socle/daemon', 'socle']);
    const after = await tracesOf(it.operator);
    expect(after.runs).toBe(before.runs);
    expect(changedIn(before, after)).toEqual(changedSettings);
    expect((await it.off('--with-data', '--yes')).answer).toMatchObject({ plan: { removes: [] }, record: null });
    expect(await it.told('ls /srv/vault')).toContain('snapshots');
  });
});

const mirror = findMirror();
const whyNot = whyNoK3s(mirror, ['wireguard-go', 'wg', 'nft']);
const networks = { pods: '10.100.0.0/16', services: '10.101.0.0/16' };
const volumes = '/var/lib/rancher/k3s/storage';

const workload = keptPod({ serviceAddress: '10.101.0.80', nodePort: 30_080 });

describe.skipIf(whyNot !== '').each([13, 12] as const)(`taking K3s off a throw-away Debian %i ${whyNot}`, (release) => {
  const it = new Uninstalling(`test-off-k3s-${release}`);
  let before: Traces;
  let own: string;

  const up = (...args: string[]) => it.up('--mirror', own, ...args);
  const on = (script: string, input?: string) => it.operator.on(script, inPublic, 300_000, input);
  const page = 'k3s kubectl -n try exec deploy/kept -- cat /data/index.html';
  /** What K3s leaves in the kernel and in memory. */
  const running = async () =>
    (
      await on(`ls /proc/*/exe -l 2>/dev/null | grep -c '/var/lib/rancher\\|/usr/local/bin/k3s'
        grep -cE ' (/run/k3s|/var/lib/kubelet|/run/netns/cni)' /proc/self/mountinfo
        ip -o link | grep -cE 'cni|flannel|veth'
        nft list ruleset | grep -cE 'KUBE|CNI-|FLANNEL'`)
    ).stdout
      .split('\n')
      .map(Number);

  beforeAll(async () => {
    await it.boot(release, true, async (directory) => {
      own = join(directory, 'mirror');
      const sums = await linkMirror(mirror ?? '', own);
      return {
        firewall: { ssh: 'public' },
        cluster: { networks, mirror_sums: sums, k3s: { config: k3sExceptions } },
      };
    });
    await installPackages(it.operator, ['network']);
    before = await tracesOf(it.operator);
  }, 600_000);
  afterAll(() => it.end());

  test('a cluster with a volume', async () => {
    const { exitCode, answer } = await up();
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect((await on('k3s kubectl apply -f -', workload)).exitCode).toBe(0);
    await on('k3s kubectl -n try rollout status deployment/kept --timeout=180s');
    await on(`k3s kubectl -n try exec deploy/kept -- sh -c 'echo still here > /data/index.html'`);
    expect((await on(page)).stdout).toBe('still here');
    expect((await running()).every((count) => count > 0)).toBe(true);
  }, 600_000);

  test('K3s alone goes, with its pods, mounts, interfaces and rules; its data, the firewall and the VPN stay', async ({
    annotate,
  }) => {
    const start = performance.now();
    const { exitCode, answer } = await it.off('--only', 'orchestration', '--yes');
    await annotate(`uninstall of K3s: ${Math.round((performance.now() - start) / 1_000)} s`);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(answer.plan.whole).toBe(false);
    expect(await running()).toEqual([0, 0, 0, 0]);
    expect(wheres(answer.plan.stays)).toEqual(
      // The machine tells containerd something of its own.
      expect.arrayContaining([
        volumes,
        '/var/lib/rancher/k3s/server',
        '/var/lib/rancher/k3s/agent/etc/containerd',
        '/etc/rancher/node',
      ]),
    );
    expect(await it.told(`cat ${volumes}/*/index.html`)).toBe('still here');
    expect(await it.told('ls /usr/local/bin/k3s /etc/systemd/system/k3s.service /var/lib/kubelet 2>/dev/null')).toBe(
      '',
    );
    expect(await it.told('systemctl is-active socle-firewall socle-wireguard')).toBe('active\nactive');
    expect(await it.told('nft list table inet socle | head -n 1')).toBe('table inet socle {');
    expect((await it.off('--only', 'orchestration')).answer).toMatchObject({ plan: { removes: [] } });
  }, 300_000);

  test('`up` brings it back: the same cluster, its pods and what is in their volumes', async () => {
    const { exitCode, answer } = await up();
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    await until('the pod is back', async () => (await on(page)).stdout === 'still here', 240);
  }, 600_000);

  test('with its data all of it goes, but a repository of restic in a volume', async ({ annotate }) => {
    const repository = `${volumes}/backups/vault`;
    await on(
      `mkdir -p ${repository}/keys ${repository}/snapshots && touch ${repository}/config ${volumes}/backups/other`,
    );
    const start = performance.now();
    const { exitCode, answer } = await it.off('--with-data', '--yes');
    await annotate(`uninstall of everything: ${Math.round((performance.now() - start) / 1_000)} s`);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(await running()).toEqual([0, 0, 0, 0]);
    const after = await tracesOf(it.operator);
    expect(after.runs).toBe(before.runs);
    const left = leftBehind(before, after);
    await annotate(`left behind: ${left.join(' ')}`);
    const way = [volumes, `${volumes}/backups`, repository];
    const inside = ['config', 'keys', 'snapshots'].map((one) => `${repository}/${one}`);
    expect(left).toEqual([...afterwards, ...way, ...inside].sort());
    expect((await it.off('--with-data', '--yes')).answer).toMatchObject({ plan: { removes: [] }, record: null });
  }, 300_000);

  test('what one that was killed among the data left is still known to be Socle’s', async () => {
    const server = '/var/lib/rancher/k3s/server';
    await on(`mkdir -p ${server}/db && touch ${server}/db/state.db /var/lib/rancher/k3s/.uninstalling`);
    const { exitCode, answer } = await it.off('--with-data', '--yes');
    expect({ exitCode, removes: wheres(answer.plan?.removes ?? []) }, JSON.stringify(answer)).toEqual({
      exitCode: 0,
      removes: [server],
    });
    expect(await it.told('ls -A /var/lib/rancher/k3s')).toBe('storage');
  });
});
