import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type StartedProcess, start } from '../../src/kernel/process.ts';
import { drivers } from '../../src/sandbox/driver.ts';
import { resetMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { whyNoK3s } from '../support/k3s.ts';
import { until } from '../support/until.ts';
import { k3s, vpn, WholePath } from '../support/whole-path.ts';

/**
 * The main path once more, on a Debian with a kernel of its own, and what only such a machine shows: settings, modules,
 * AppArmor and audit, the kernel's WireGuard, a rescue boot, a clock. Where there is no KVM it is emulated, and an hour long.
 */
const name = 'test-own-kernel';
const tools = ['mmdebstrap', 'slirp4netns', ...Object.keys(drivers.qemu.tools)];
const why = whyNoK3s('', ['wireguard-go', 'wg', 'curl', 'restic', 'rclone', ...tools]);
const ofK3s = test.skipIf(!k3s);
const title = `${why}${k3s ? '' : '(K3s is SKIPPED: there is no artifact mirror)'}`;

const timeServer = fileURLToPath(new URL('../support/time-server.ts', import.meta.url));
const defaults = new URL('../../ansible/roles/baseline/defaults/main.yml', import.meta.url);
const baseline: {
  baseline_sysctls: Record<string, number>;
  baseline_modules: string[];
  baseline_forbidden_modules: string[];
  baseline_audit_rules: unknown[];
} = parse(await readFile(defaults, 'utf8'));

describe.skipIf(why !== '')(`the whole path on a kernel of its own ${title}`, { timeout: 7_200_000 }, () => {
  const path = new WholePath({ name, release: 13, driver: 'qemu', clock: '2020-01-01T00:00:00' });
  const inPublic = addresses.host.v4;
  const must = (script: string) => path.must(script);
  const minutes = 60;
  let time: StartedProcess | undefined;

  const auditRules = 'auditctl -l | grep -c key=socle-';
  const synchronised = async () => (await must('timedatectl show -P NTPSynchronized')) === 'yes';

  beforeAll(() => path.begin(), 3_600_000);
  afterAll(async () => {
    time?.kill('SIGTERM');
    await time?.ended;
    await path.end();
  }, 600_000);

  test('`socle init` writes the platform file, to which nothing has to be added', () => path.init());

  test('a clock that is wrong is told, with what to do, and the host is left as it was', async () => {
    const { exitCode, answer } = await path.tryUp();
    expect({ exitCode, answer }).toMatchObject({ exitCode: 4, answer: { error: { code: 'host-unsupported' } } });
    expect(JSON.stringify(answer)).toMatch(/clock is \d+ d .* behind.*sudo date -u -s/);
    const left = await path.operator.on('ls -d /etc/socle /var/lib/socle /usr/bin/ansible 2>/dev/null');
    expect(left.stdout).toBe('');
  });

  test('a time server that the host reaches puts the clock right', async () => {
    const { operator } = path;
    const server = [process.execPath, timeServer, addresses.operator.v4];
    time = start('nsenter', [`--net=/proc/${operator.machine.namespaces.operator}/ns/net`, '--', ...server]);
    // It looks often: the clock of what is emulated goes wrong soon.
    const told = `mkdir -p /etc/systemd/timesyncd.conf.d
printf '[Time]\\nNTP=${addresses.operator.v4}\\nPollIntervalMaxSec=64\\n' > /etc/systemd/timesyncd.conf.d/provider.conf
systemctl restart systemd-timesyncd`;
    expect(await operator.on(told)).toMatchObject({ exitCode: 0 });
    const off = async () => Math.abs(Number((await operator.on('date +%s')).stdout) - Date.now() / 1_000);
    await until('the clock is right', async () => (await off()) < 60, 10 * minutes);
  });

  test('`socle up` waits for the VPN, and closes SSH in public once it came through', ({ annotate }) =>
    path.firstUp(annotate));

  test('the tunnel is the kernel’s own', async () => {
    expect(await must('ip -details link show wg0')).toMatch(/^ +wireguard /m);
    expect(await must('pgrep -c wireguard-go || true; command -v wireguard-go || true')).toBe('0');
  });

  test('every setting of the baseline is in force, its modules are loaded, and those it forbids cannot be', async () => {
    const names = Object.keys(baseline.baseline_sysctls);
    expect((await must(`sysctl ${names.join(' ')}`)).split('\n')).toEqual(
      Object.entries(baseline.baseline_sysctls).map(([key, value]) => `${key} = ${value}`),
    );
    const loaded = await must(`cd /sys/module && ls -d ${baseline.baseline_modules.join(' ')}`);
    expect(loaded.split('\n')).toEqual(baseline.baseline_modules);
    const forbidden = baseline.baseline_forbidden_modules.map(
      (module) => `modprobe ${module} 2>/dev/null && echo ${module}`,
    );
    expect(await must(`${forbidden.join('\n')}\ntrue`)).toBe('');
  });

  test('AppArmor is on, and audit records who touches what', async () => {
    expect(await must('cat /sys/module/apparmor/parameters/enabled; systemctl is-active apparmor auditd')).toBe(
      'Y\nactive\nactive',
    );
    expect(Number(await must('grep -c "(enforce)" /sys/kernel/security/apparmor/profiles'))).toBeGreaterThan(0);
    expect(await must(auditRules)).toBe(String(baseline.baseline_audit_rules.length));
    await must('touch /etc/sudoers.d/10-socle');
    const recorded = async () => (await must('ausearch --input-logs -k socle-sudo -i || true')).includes('touch');
    await until('it is on record', recorded, 10 * minutes);
  });

  ofK3s('K3s of the mirror is Ready, with a kubelet that refuses other settings of the kernel', async () => {
    await path.nodeReady();
    expect(await must('grep protect-kernel-defaults /etc/rancher/k3s/config.yaml')).toBe(
      'protect-kernel-defaults: true',
    );
  });

  ofK3s('a pod with a volume serves through its ClusterIP to a peer, and to nobody outside', () => path.servePod());

  test('after a reboot everything is back with its data', ({ annotate }) => path.rebootWithData(annotate));

  test('after that reboot the firewall was there before the network, and audit records', async () => {
    const times = 'systemctl show -P ActiveEnterTimestampMonotonic socle-firewall systemd-networkd | grep .';
    const [firewall = 0, network = 0] = (await must(times)).split('\n').map(Number);
    expect(firewall).toBeGreaterThan(0);
    expect(network).toBeGreaterThan(firewall);
    expect(JSON.parse(await must('/usr/local/lib/socle/firewall status'))).toMatchObject({ loaded: true });
    expect(await must(auditRules)).toBe(String(baseline.baseline_audit_rules.length));
    expect(await must('systemctl --failed --no-legend')).toBe('');
  });

  test('`socle.rescue=1` at the console opens SSH for keys in public, for that boot, and nothing else', async ({
    annotate,
  }) => {
    const { operator } = path;
    const boot = async () => (await operator.on('cat /proc/cmdline', inPublic, 60_000)).stdout;
    await resetMachine(name, 'socle.rescue=1');
    await until('it answers in public', async () => (await boot()).includes('socle.rescue=1'), 60 * minutes);
    const nobody = ['-F', 'none', '-o', 'PreferredAuthentications=none', '-o', 'StrictHostKeyChecking=no'];
    const known = ['-o', 'UserKnownHostsFile=/dev/null'];
    const { stderr } = await operator.exec('ssh', [...nobody, ...known, `debian@${inPublic}`, 'true']);
    expect(stderr).toContain('(publickey)');
    await path.nothingButSshInPublic();
    await path.rebootWithData(annotate, () => operator.reboot(inPublic, 600, 'systemctl reboot', vpn));
    expect(await must('cat /proc/cmdline')).not.toContain('socle.rescue');
  });

  test('the API answers through the tunnel and only through it', () => path.apiThroughTunnelOnly());

  test('a PostgreSQL of the host is backed up into a vault off the host, and a drill proves it', ({ annotate }) =>
    path.backupAndDrill(annotate));

  test('a recovery kit off the host opens the vault', () => path.kit());

  test('a run puts right what was changed in the kernel only, and the next one changes nothing', async ({
    annotate,
  }) => {
    await must('sysctl -qw kernel.kptr_restrict=0; auditctl -D >/dev/null');
    const { record } = await path.runsInARow(2, annotate);
    expect(record.changed.map(({ task }) => task)).toContain('Apply settings, and run what every host runs');
    expect(await must(`sysctl -n kernel.kptr_restrict; ${auditRules}`)).toBe(
      `2\n${baseline.baseline_audit_rules.length}`,
    );
  });

  test('`socle verify` is green, and skips nothing that a container cannot show', async ({ annotate }) => {
    await until('a time server holds the clock', synchronised, 10 * minutes);
    await path.verify([], annotate);
  });
});
