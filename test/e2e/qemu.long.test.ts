import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import { run } from '../../src/kernel/process.ts';
import { silent } from '../../src/kernel/progress.ts';
import { bootMachine, removeMachine, resetMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { answerOf, Operator } from '../support/operator.ts';
import { until } from '../support/until.ts';

/** What a machine that shares our kernel cannot show: a Debian on its own kernel, emulated where there is no KVM. */
const name = 'test-qemu-up';
const vpn = '10.8.0.1';
const inPublic = addresses.host.v4;
const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));
const missing = ['qemu-system-x86_64', 'qemu-img', 'wireguard-go', 'wg'].filter((tool) => !installed(tool));
const why =
  userInfo().uid !== 0 ? ' (needs root)' : missing.length > 0 ? ` (SKIPPED: there is no ${missing.join(', ')})` : '';
const mirror = findMirror();

/** Seconds: emulated, everything takes ten times longer. */
const patience = 900;

const defaults = new URL('../../ansible/roles/baseline/defaults/main.yml', import.meta.url);
const baseline: {
  baseline_sysctls: Record<string, number>;
  baseline_modules: string[];
  baseline_audit_rules: unknown[];
} = parse(await readFile(defaults, 'utf8'));

describe.skipIf(why !== '')(`a host with a kernel of its own${why}`, () => {
  let operator: Operator;
  let login: string[];
  const says = async (command: string) => (await operator.on(command, vpn, patience * 1_000)).stdout;
  const answers = async (address: string) => (await operator.on('true', address, 20_000)).exitCode === 0;

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'socle-qemu-'));
    const request = { name, release: 13, driver: 'qemu', kubernetes: true, clock: '2020-01-01T00:00:00' } as const;
    operator = new Operator(await bootMachine(request, silent), directory);
    login = await operator.login();
    const file = `name: t\nenvironment: dev\nhost: {address: ${inPublic}}\n`;
    await writeFile(join(directory, 'platform.yaml'), file);
    await operator.socle('vpn', 'add', 'laptop');
  }, 1_800_000);
  afterAll(async () => {
    await operator?.leaveVpn();
    await removeMachine(name);
    await rm(operator?.directory ?? '', { recursive: true, force: true });
  });

  test('a clock that is wrong is told, with what to do, and the host is left as it was', async () => {
    const { exitCode, answer } = await operator.socle('up', ...login);
    expect({ exitCode, answer }).toMatchObject({ exitCode: 4, answer: { error: { code: 'host-unsupported' } } });
    expect(JSON.stringify(answer)).toMatch(/clock is \d+ d .* behind.*sudo date -u -s/);
    expect((await operator.on('ls -d /etc/socle /var/lib/socle /usr/bin/ansible 2>/dev/null')).stdout).toBe('');
    const now = new Date().toISOString().slice(0, 19).replace('T', ' ');
    expect((await operator.on(`date -u -s "${now}"`)).exitCode).toBe(0);
  });

  test('`up` closes SSH in public behind the kernel’s own WireGuard', async ({ annotate }) => {
    const start = performance.now();
    const opened = await operator.socle('up', ...login, '--vpn-wait', '1s');
    await annotate(`first run: ${Math.round((performance.now() - start) / 1000)} s`);
    expect(opened).toMatchObject({ exitCode: 6, answer: { record: { status: 'done', failed: [] } } });
    const upping = answerOf(operator.startSocle('up', ...login, '--vpn-wait', '15m'));
    await operator.joinVpn(await readFile(join(operator.config, 'socle/t/peer-laptop.conf'), 'utf8'));
    const { exitCode, answer } = await upping;
    expect({ exitCode, answer }).toMatchObject({ exitCode: 0, answer: { ssh: 'vpn', record: { changed: [] } } });
    expect(await answers(inPublic)).toBe(false);
    expect(await says('ip -details link show wg0')).toMatch(/^ +wireguard /m);
    expect(await says('pgrep -c wireguard-go')).toBe('0');
  });

  test('every kernel setting of the baseline is in force, and its modules are loaded', async () => {
    const names = Object.keys(baseline.baseline_sysctls);
    expect((await says(`sysctl ${names.join(' ')}`)).split('\n')).toEqual(
      Object.entries(baseline.baseline_sysctls).map(([key, value]) => `${key} = ${value}`),
    );
    const loaded = await says(`cd /sys/module && ls -d ${baseline.baseline_modules.join(' ')}`);
    expect(loaded.split('\n')).toEqual(baseline.baseline_modules);
    expect((await operator.on('modprobe sctp', vpn)).exitCode).not.toBe(0);
  });

  test('AppArmor is on, and audit records who touches what', async () => {
    expect(await says('cat /sys/module/apparmor/parameters/enabled; systemctl is-active apparmor auditd')).toBe(
      'Y\nactive\nactive',
    );
    expect(Number(await says('wc -l < /sys/kernel/security/apparmor/profiles'))).toBeGreaterThan(0);
    expect(await says('auditctl -l | grep -c key=socle-')).toBe(String(baseline.baseline_audit_rules.length));
    await says('touch /etc/sudoers.d/10-socle');
    await until('it is on record', async () => (await says('ausearch -k socle-sudo -i')).includes('touch'), 60);
  });

  test('what was changed in the kernel only is found and put right', async () => {
    await says('sysctl -qw kernel.kptr_restrict=0; auditctl -D');
    const { exitCode, answer } = await operator.socle('up', ...login);
    expect(exitCode).toBe(0);
    expect(answer.record.changed.map(({ task }) => task)).toEqual(['Apply settings, and run what every host runs']);
    expect(await says('sysctl -n kernel.kptr_restrict; auditctl -l | grep -c key=socle-')).toBe(
      `2\n${baseline.baseline_audit_rules.length}`,
    );
  });

  test('after a reboot the host is closed, by a firewall that was there before the network', async ({ annotate }) => {
    const start = performance.now();
    await operator.reboot(vpn, patience);
    await annotate(`reboot to SSH through the VPN: ${Math.round((performance.now() - start) / 1000)} s`);
    expect(await answers(inPublic)).toBe(false);
    const times = 'systemctl show -P ActiveEnterTimestampMonotonic socle-firewall systemd-networkd | grep .';
    const [firewall = 0, network = 0] = (await says(times)).split('\n').map(Number);
    expect(firewall).toBeGreaterThan(0);
    expect(network).toBeGreaterThan(firewall);
    expect(JSON.parse(await says('/usr/local/lib/socle/firewall status'))).toMatchObject({ loaded: true });
    expect(await says('systemctl --failed --no-legend')).toBe('');
    expect(await says('auditctl -l | grep -c key=socle-')).toBe(String(baseline.baseline_audit_rules.length));
  });

  test('`socle.rescue=1` at the console opens SSH for keys in public, for that boot', async () => {
    const boot = () => operator.on('cat /proc/cmdline /proc/sys/kernel/random/boot_id', inPublic, 20_000);
    await resetMachine(name, 'socle.rescue=1');
    await until('it answers in public', async () => (await boot()).stdout.includes('socle.rescue=1'), patience);
    const ask = ['-F', 'none', '-o', 'PreferredAuthentications=none', '-o', 'StrictHostKeyChecking=no'];
    const { stderr } = await operator.exec('ssh', [
      ...ask,
      ...['-o', 'UserKnownHostsFile=/dev/null', `debian@${inPublic}`, 'true'],
    ]);
    expect(stderr).toContain('(publickey)');
    await operator.on('systemctl reboot', inPublic, 20_000);
    await until('it is back', async () => (await says('cat /proc/cmdline')).includes('root=/dev/vda'), patience);
    expect(await says('grep -c rescue /proc/cmdline')).toBe('0');
    expect(await answers(inPublic)).toBe(false);
  });

  test.skipIf(mirror === null)(
    `K3s runs with protect-kernel-defaults${mirror === null ? ' (SKIPPED: there is no artifact mirror)' : ''}`,
    async ({ annotate }) => {
      const sums = await run('sha256sum', [join(mirror ?? '', 'SHA256SUMS')]);
      const file = join(operator.directory, 'platform.yaml');
      const cluster = `cluster: {mirror_sums: ${sums.stdout.split(' ')[0]}}\n`;
      await writeFile(file, `${await readFile(file, 'utf8')}${cluster}`);
      const start = performance.now();
      const { exitCode, answer } = await operator.socle('up', ...login, '--mirror', mirror ?? '');
      await annotate(`up with K3s: ${Math.round((performance.now() - start) / 1000)} s`);
      expect(exitCode, JSON.stringify(answer)).toBe(0);
      expect(await says('grep protect-kernel-defaults /etc/rancher/k3s/config.yaml')).toBe(
        'protect-kernel-defaults: true',
      );
      expect(await says('k3s kubectl get nodes --no-headers')).toMatch(/ Ready /);
    },
  );
});
