import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Changes, inside, now, outside, platform } from '../../../test/support/verified-host.ts';
import { type Baseline, readBaseline } from './baseline.ts';
import type { Looks } from './check.ts';
import { asJunit } from './junit.ts';
import { checks } from './registry.ts';
import { judgeAll, type VerifyReport } from './verify.ts';

let baseline: Baseline;
beforeAll(async () => {
  baseline = await readBaseline();
});

const judge = (looks: Looks, of = platform) => judgeAll(looks, { platform: of, baseline, now });
const replace = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);
const append = (line: string) => (text: string) => `${text}${line}\n`;
const unit = (name: string, to: string) => replace(new RegExp(`(Id=${name}\n)(.+\n){3}`), `$1${to}\n`);
const stopped = 'LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled';
const { tcp4, tcp6, udp4, tls, sshOffer } = outside;
const opened = (...open: number[]) => ({ value: { ...tcp4.value, open } });
const answering = (port: number): Looks => ({ tcp: { value: [tcp4.value, { ...tcp6.value, open: [port] }] } });

/** For each check something that it must not let pass, and what its evidence has to name. */
const breaks: Readonly<Record<string, { readonly host?: Changes; readonly seen?: Looks; readonly names: string }>> = {
  'public-tcp4': { seen: { tcp4: opened(8080) }, names: '8080 answer' },
  'public-tcp6': { seen: { tcp6: opened(22, 8080) }, names: '22; 8080 answer' },
  'public-udp4': { seen: { udp4: { value: { ...udp4.value, open: [161] } } }, names: '161 answer' },
  'public-udp6': { seen: { udp6: { value: { ...udp4.value, open: [53] } } }, names: '53 answer' },
  'public-no-ssh': { seen: answering(22), names: '2001:db8:51::20 answers on port 22' },
  'public-no-kubernetes': { seen: answering(6443), names: 'port 6443' },
  'public-no-nodeports': { seen: answering(30_080), names: 'port 30080' },
  'public-no-databases': { seen: answering(5432), names: 'port 5432' },
  'public-no-ops-api': { seen: answering(7410), names: 'port 7410' },
  'ssh-algorithms': {
    seen: { sshOffer: { value: { ...sshOffer.value, macs: ['hmac-sha1'], hostKeys: ['ssh-rsa'] } } },
    names: 'hmac-sha1; ssh-rsa',
  },
  'ssh-passwords-refused': {
    seen: { sshMethods: { value: { root: ['publickey', 'password'] } } },
    names: 'root may log in by password',
  },
  'ssh-settings': {
    host: { sshd: replace(/passwordauthentication no/, 'passwordauthentication yes') },
    names: 'passwordauthentication is yes for root, not no',
  },
  'firewall-loaded': {
    host: { firewall: replace('udp dport 51820 accept', 'udp dport 51820 accept\n\t\ttcp dport 8080 accept') },
    names: 'too much: tcp dport 8080 accept',
  },
  'firewall-permanent': {
    host: { firewall: replace('    udp dport { 51820 } accept', '    tcp dport { 8080 } accept') },
    names: 'too much: tcp dport { 8080 } accept; missing: udp dport { 51820 } accept',
  },
  'firewall-at-boot': { host: { services: unit('socle-firewall.service', stopped) }, names: 'inactive, disabled' },
  'firewall-nftables-masked': {
    host: { services: replace('UnitFileState=masked', 'UnitFileState=disabled') },
    names: 'nftables.service is disabled',
  },
  'firewall-alone': { host: { firewall: append('table ip nat') }, names: 'table ip nat' },
  'firewall-ssh-closed': {
    host: { firewall: replace('"confirmed":"closed"', '"confirmed":"open"') },
    names: 'SSH is still open in public',
  },
  'sockets-private': {
    host: { sockets: append('tcp LISTEN 0 5 0.0.0.0:8080 0.0.0.0:* users:(("python3",pid=9,fd=3))') },
    names: 'python3 listens on tcp 0.0.0.0:8080',
  },
  'vpn-peers': {
    host: { tunnelState: append('KEY=\t(none)\t(none)\t10.8.0.66/32\t0\t0\t0\toff') },
    names: 'KEY= (10.8.0.66/32) is not in the platform file',
  },
  'vpn-port': { host: { tunnelState: replace('\t51820\t', '\t443\t') }, names: 'UDP 443' },
  'vpn-handshake': { host: { tunnelState: replace('1795656155', '0') }, names: 'nobody' },
  'accounts-superuser': { host: { accounts: replace('root\n', 'root\ntoor\n') }, names: 'toor has user id 0' },
  'accounts-passwords': { host: { accounts: replace('games locked', 'games none') }, names: 'games has no password' },
  'accounts-sudo': {
    host: { accounts: replace('%sudo', 'mallory ALL=(ALL) NOPASSWD: ALL\n%sudo') },
    names: 'a rule says: mallory ALL=(ALL) NOPASSWD: ALL',
  },
  'accounts-keys': { host: { accounts: append('mallory 2') }, names: 'mallory has 2' },
  'files-socle': {
    host: {
      files: replace('600 root root f /etc/socle/firewall/open.nft', '644 root root f /etc/socle/firewall/open.nft'),
    },
    names: '/etc/socle/firewall/open.nft is 0644 root:root',
  },
  'files-keys': {
    host: { files: replace(/600 root root f (\S+private.key)/, '640 root debian f $1') },
    names: '/etc/socle/wireguard/private.key is 0640 root:debian',
  },
  'files-system': {
    host: { files: replace('600 root root f /etc/ssh/ssh_host', '644 root root f /etc/ssh/ssh_host') },
    names: 'ssh_host_ed25519_key is 0644',
  },
  'files-writable': { host: { files: append('/etc/cron.d/job') }, names: 'anybody may write /etc/cron.d/job' },
  'system-release': { host: { system: replace('release=13', 'release=11') }, names: 'debian 11' },
  'sysctl-network': {
    host: { sysctls: replace('accept_redirects = 0', 'accept_redirects = 1') },
    names: 'accept_redirects is 1, not 0',
  },
  'sysctl-kernel': {
    host: { sysctls: replace('kptr_restrict = 2', 'kptr_restrict = 0') },
    names: 'kptr_restrict is 0',
  },
  'service-address': { host: { services: unit('socle-address.service', stopped) }, names: 'inactive, disabled' },
  'service-wireguard': { host: { services: unit('socle-wireguard.service', stopped) }, names: 'inactive, disabled' },
  'service-ssh': { host: { services: unit('ssh.service', stopped) }, names: 'ssh.service is inactive' },
  'service-time': { host: { synchronised: replace('yes', 'no') }, names: 'not synchronised' },
  'system-clock': { host: { system: replace('clock=1795656184644', 'clock=1795655884644') }, names: '295 s apart' },
  'system-apparmor': { host: { apparmor: replace('Y', 'N') }, names: 'off' },
  'system-audit': { host: { audit: replace(/-w.*\n-a.*\n/, '') }, names: '0 rules' },
  'upgrades-automatic': {
    host: { updates: replace('Unattended-Upgrade=1', 'Unattended-Upgrade=0') },
    names: 'Unattended-Upgrade is 0',
  },
  'upgrades-recent': {
    host: { updates: replace('lists=1795655304', 'lists=1795055304') },
    names: 'fetched 2026-11-19',
  },
  'upgrades-waiting': {
    host: {
      updates: replace(
        '== waiting',
        '== waiting\nInst openssl [3.5.1] (3.5.2 Debian-Security:13/stable-security [amd64])',
      ),
      system: replace('uptime=1470.29', 'uptime=864000'),
    },
    names: '1 wait: openssl; no upgrade ran',
  },
  'disk-space': { host: { disks: replaceAll('42%', '95%') }, names: '/ 95 %' },
  'disk-inodes': { host: { disks: replaceAll(' 6%', ' 96%') }, names: '/ 96 %' },
  'journal-limits': { host: { journal: append('SystemMaxUse=20G') }, names: 'SystemMaxUse is 20G, not 500M' },
  'run-completed': { host: { runs: replace('"done"', '"interrupted"') }, names: 'interrupted' },
  'recovery-kit': {
    seen: { kit: { value: { ...outside.kit.value, state: 'unconfirmed', detail: 'nobody has tried it' } } },
    names: 'nobody has tried it',
  },
  'tunnel-kubernetes': { seen: { clusterApi: { value: 200 } }, names: 'HTTP 200 without credentials' },
  'tunnel-ops-api': { seen: { opsApi: { value: 404 } }, names: 'HTTP 404' },
  'tls-protocol': { seen: { tls: { value: { ...tls.value, old: true } } }, names: 'TLS 1.1' },
  'tls-certificate': {
    seen: { tls: { value: { ...tls.value, validTo: '2026-11-20T00:00:00.000Z' } } },
    names: '2026-11-20',
  },
};

/** Checks whose worst is a warning: a person decides. */
const warnings: typeof breaks = {
  'upgrades-reboot': { host: { system: replace('uptime=', 'reboot=yes\nuptime=') }, names: 'asks for a reboot' },
};

function replaceAll(from: string, to: string) {
  return (text: string) => text.replaceAll(from, to);
}

test('a host that is as it should be passes every check', () => {
  const results = judge({ ...inside(baseline), ...outside });
  expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});

test('every check can fail', () => {
  expect([...Object.keys(breaks), ...Object.keys(warnings)].sort()).toEqual(checks.map(({ id }) => id).sort());
});

describe.each([
  ['fail', breaks],
  ['warn', warnings],
] as const)('%s', (verdict, table) => {
  test.each(Object.entries(table))('%s names what is wrong', (id, { host, seen, names }) => {
    const looks = { ...inside(baseline, host), ...outside, ...seen };
    const result = judge(looks).find((one) => one.id === id);
    expect(result).toMatchObject({ verdict, evidence: expect.stringContaining(names), next: expect.any(String) });
  });
});

test.each(checks.map(({ id }) => id))('%s is unknown, and not green, when nobody could look', (id) => {
  expect(judge({}).find((one) => one.id === id)).toMatchObject({ verdict: 'unknown' });
});

test('a program that is not there, hangs or prints something else is no evidence', () => {
  const blind = inside(baseline, { sockets: () => '', sysctls: () => '', runs: () => 'Traceback' });
  const red = judge({ ...blind, ...outside }).filter(({ verdict }) => verdict !== 'pass');
  expect(red.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['sockets-private', 'unknown'],
    ['sysctl-network', 'unknown'],
    ['sysctl-kernel', 'unknown'],
    ['run-completed', 'unknown'],
  ]);
});

test('inside a container the kernel and the clock are skipped, and say why', () => {
  const looks = inside(baseline, { system: replace('container=none', 'container=systemd-nspawn') });
  const skipped = judge({ ...looks, ...outside }).filter(({ verdict }) => verdict !== 'pass');
  expect(skipped.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
    'sysctl-kernel skip',
    'service-time skip',
    'system-apparmor skip',
    'system-audit skip',
  ]);
  expect(skipped[0]?.evidence).toContain('systemd-nspawn');
});

test('what the platform file opens may answer, and SSH where it is public', () => {
  const open = {
    ...platform,
    firewall: { ssh: 'public', public: [{ port: 443, protocol: 'tcp' }] },
  } as const satisfies typeof platform;
  const looks = { ...inside(baseline), ...outside, tcp4: opened(22, 443), tcp: { value: [opened(22, 443).value] } };
  const of = (platform: typeof open) => judge(looks, platform).filter(({ id }) => id.startsWith('public-'));
  expect(of(open).filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});

test('a few resets may come from the way, many do not', () => {
  const closed = (count: number) => ({
    value: { ...tcp4.value, closed: Array.from({ length: count }, (_, n) => n + 1) },
  });
  const verdict = (count: number) =>
    judge({ ...inside(baseline), ...outside, tcp4: closed(count) }).find(({ id }) => id === 'public-tcp4')?.verdict;
  expect([verdict(0), verdict(2), verdict(60_000)]).toEqual(['pass', 'warn', 'fail']);
});

test('ids are unique, and every requirement that a check proves is one of the requirements', () => {
  const file = readFileSync(new URL('../../../docs/requirements.yaml', import.meta.url), 'utf8');
  const known = new Set((parse(file).requirements as { id: string }[]).map(({ id }) => id));
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
  for (const { id, requirements } of checks) {
    expect(requirements.length, id).toBeGreaterThan(0);
    for (const one of requirements) expect(known.has(one), `${id}: ${one}`).toBe(true);
  }
});

test('the baseline is read from the role’s own templates', () => {
  expect(baseline.sysctls['vm.overcommit_memory']).toBe('1');
  expect(baseline.sshd).toMatchObject({ passwordauthentication: 'no', x11forwarding: 'no' });
  expect(baseline.sshd.kexalgorithms).toMatch(/^mlkem768x25519-sha256,sntrup761/);
  expect(Object.keys(baseline.sshd)).toHaveLength(14);
  expect(baseline.journald).toMatchObject({ Storage: 'persistent' });
});

test('JUnit has a case for each check, and nothing in it is read as markup', () => {
  const looks = { ...inside(baseline, { accounts: append('<b>&"\u0007 2') }), ...outside };
  const results = judge({ ...looks, sockets: { blind: 'no ss' } });
  const report: VerifyReport = {
    platform: 't',
    host: '198.51.100.20',
    way: 'vpn',
    startedAt: now.toISOString(),
    seconds: 1,
    quick: false,
    compliant: false,
    counts: { fail: 1, unknown: 1, warn: 0, skip: 0, pass: results.length - 2 },
    checks: results,
  };
  const xml = asJunit(report);
  expect(xml.match(/<testcase /g)).toHaveLength(checks.length);
  expect(xml).toContain(`tests="${checks.length}" failures="1" errors="1" skipped="0"`);
  expect(xml).toContain('<failure message="&lt;b&gt;&amp;&quot;? has 2 of them" type="AM-1 AM-2">');
  expect(xml).toContain('<error message="no ss" type="unknown">');
});
