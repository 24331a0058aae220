import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type RoleScripts, roleScripts } from '../../test/support/role-scripts.ts';
import { until } from '../../test/support/until.ts';
import { parsePlatform } from '../platform/load.ts';
import { serverConfig } from '../vpn/config.ts';
import { newWireguardKeys } from '../vpn/keys.ts';
import { planFallback, planFirewall, renderFirewall } from './firewall.ts';

const platform = parsePlatform(
  `name: t
environment: dev
host: {address: 198.51.100.20}
vpn:
  peers:
    - {name: a, public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, address: 10.8.0.2}
    - {name: b, public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=, address: 10.8.0.3}
cluster: {}
`,
  'platform.yaml',
);
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const root = userInfo().uid === 0 ? '' : '(needs root)';

describe.skipIf(root !== '')(`the ruleset that the kernel has ${root}`, () => {
  let host: RoleScripts;
  const firewall = (words: string) => host.sh(`/usr/local/lib/socle/firewall ${words}`);
  const table = async () => (await host.sh('nft list table inet socle')).stdout;
  const status = async () => JSON.parse((await firewall('status')).stdout);

  beforeAll(async () => {
    // There is no systemd here: the timer of a trial is looked at in test/e2e/up.long.test.ts.
    host = await roleScripts(['firewall'], {}, { systemctl: 'exit 0', 'systemd-run': 'exit 0' });
    await host.sh('mkdir -p /etc/socle/firewall');
    for (const [name, text] of [
      ['open', renderFirewall(planFirewall(platform, 'public'))],
      ['closed', renderFirewall(planFirewall(platform, 'vpn'))],
      ['fallback', renderFirewall(planFallback(platform))],
    ] as const)
      await host.sh(`printf %s ${quote(text)} > /etc/socle/firewall/${name}.nft`);
  });
  afterAll(() => host?.leave());

  test('before the first ruleset there is nothing to keep', async () => {
    expect(await firewall('keep')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await table()).toBe('');
    await firewall('try closed 45s');
    expect((await firewall('revert')).exitCode).toBe(0);
    expect(await firewall('keep')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await table()).toBe('');
  });

  test.each([
    'nft flush ruleset',
    'nft delete table inet socle',
    'nft flush chain inet socle public',
    'nft delete chain inet socle pods_to_host',
    'nft insert rule inet socle public tcp dport 22 accept',
    'nft add chain inet socle more',
    `nft 'add table inet socle { flags dormant; }'`,
    'rm -f /run/socle/firewall.listing; nft flush ruleset',
  ])('comes back as it was confirmed after `%s`', async (breaks) => {
    await firewall('try closed 45s');
    expect((await firewall('confirm')).exitCode).toBe(0);
    const before = await table();
    expect(await firewall('keep')).toMatchObject({ exitCode: 0, stderr: '' });
    await host.sh(breaks);
    expect(await table()).not.toBe(before);
    const kept = await firewall('keep');
    expect(kept).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('loading it again') });
    expect(await table()).toBe(before);
    expect(await status()).toMatchObject({ confirmed: 'closed', loaded: true, trial: false });
    expect(await firewall('keep')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('other tables are not its own to remove', async () => {
    await host.sh('nft add table inet other; nft delete table inet socle');
    await firewall('keep');
    expect((await host.sh('nft list tables')).stdout).toContain('table inet other');
    await host.sh('nft delete table inet other');
  });

  test('a trial is what is kept while it lasts, and not longer', async () => {
    await firewall('try open 45s');
    const open = await table();
    expect(open).toContain('tcp dport 22 accept');
    await host.sh('nft flush ruleset');
    await firewall('keep');
    expect(await table()).toBe(open);
    expect(await status()).toMatchObject({ confirmed: 'closed', trial: true });
    // The timer that takes it back may be gone, too.
    await host.sh('echo 0 > /run/socle/trial.until');
    expect((await firewall('keep')).stderr).toContain('taking it back');
    expect(await table()).not.toContain('dport 22 ');
    expect(await status()).toMatchObject({ confirmed: 'closed', loaded: true, trial: false });
    expect((await firewall('confirm')).exitCode).toBe(3);
  });

  test('a rescue boot stays one, and a fallback too', async () => {
    await host.sh('echo quiet socle.rescue=1 > /run/socle/cmdline; mount --bind /run/socle/cmdline /proc/cmdline');
    await firewall('load');
    const rescue = await table();
    await host.sh('nft flush ruleset');
    await firewall('keep');
    expect(await table()).toBe(rescue);
    expect(rescue).toContain('tcp dport 22 accept');
    await host.sh('umount /proc/cmdline; echo nonsense >> /etc/socle/firewall/ruleset.nft');
    await firewall('load');
    expect(await firewall('keep')).toMatchObject({ exitCode: 0, stderr: '' });
    await host.sh('nft flush ruleset');
    await firewall('keep');
    expect(await table()).toBe(rescue);
  });
});

const missing = ['wireguard-go', 'wg'].filter((tool) => !existsSync(`/usr/bin/${tool}`));
const why = root || (missing.length > 0 ? `(SKIPPED: there is no ${missing.join(', ')})` : '');

describe.skipIf(why !== '')(`the look at the tunnel ${why}`, () => {
  let host: RoleScripts;
  const look = async () => (await host.sh('/usr/local/lib/socle/wireguard look')).stdout.trim().split('\n');
  const start = async () => {
    await host.sh('wireguard-go wg0 >/dev/null 2>&1 </dev/null');
    expect((await host.sh('/usr/local/lib/socle/wireguard up')).stderr).toBe('');
  };
  const stop = () => host.sh('[ ! -e /sys/class/net/wg0 ] || ip link delete wg0; rm -f /run/wireguard/*');

  beforeAll(async () => {
    host = await roleScripts(['wireguard', 'address'], {
      socle_private_address: '10.8.0.1',
      socle_vpn_subnet: '10.8.0.0/24',
    });
    await host.sh(`mkdir -p /etc/socle/wireguard; mount -t sysfs sysfs /sys
      printf '%s\\n' ${newWireguardKeys().privateKey.reveal()} > /etc/socle/wireguard/private.key
      printf %s ${quote(serverConfig(platform))} > /etc/socle/wireguard/peers.conf`);
  });
  afterEach(stop);
  afterAll(() => host?.leave());

  test.each([
    ['ip link delete wg0', 'wg0 is not there'],
    ['ip link set wg0 down', 'wg0 is down'],
    ['ip link set wg0 mtu 500', 'wg0 has an MTU of 500'],
    ['ip route delete 10.8.0.0/24 dev wg0', 'the route of the VPN is missing'],
    ['ip address delete 10.8.0.1/32 dev lo', 'the private address 10.8.0.1 does not lie on lo'],
    ['wg set wg0 private-key /dev/null', 'wg0 has another key, port or mark'],
    ['wg genkey > /run/socle/k; wg set wg0 private-key /run/socle/k', 'wg0 has another key, port or mark'],
    ['wg set wg0 listen-port 51999', 'wg0 has another key, port or mark'],
    ['wg set wg0 fwmark 0x77', 'wg0 has another key, port or mark'],
    ['wg set wg0 peer xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg= remove', 'wg0 has other peers'],
    ['wg set wg0 peer xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg= allowed-ips ""', 'wg0 has other peers'],
    [
      'wg genpsk > /run/socle/k; wg set wg0 peer xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg= preshared-key /run/socle/k',
      'wg0 has other peers',
    ],
    ['wg set wg0 peer $(wg genkey | wg pubkey) allowed-ips 10.8.0.66/32', 'wg0 has other peers'],
    ['rm -f /run/wireguard/wg0.sock', 'wg0 is not there, or nothing answers for it'],
  ])('sees `%s`, and `up` or `sync` puts it right', async (breaks, found) => {
    await host.sh('/usr/local/lib/socle/address');
    await start();
    expect(await look()).toEqual(['']);
    expect(await host.sh(breaks)).toMatchObject({ exitCode: 0 });
    expect((await look()).join()).toContain(found);
    await host.sh('/usr/local/lib/socle/address');
    // syncconf(8) of wg leaves a preshared key: the second try of `way-in` starts the tunnel again.
    if (found.includes('not there') || breaks.includes('genpsk')) await stop().then(start);
    else expect((await host.sh('/usr/local/lib/socle/wireguard sync')).stderr).toBe('');
    expect(await look()).toEqual(['']);
  });

  test('a program that hangs is one that does not answer', async () => {
    await host.sh('/usr/local/lib/socle/address');
    await start();
    const pid = (
      await host.sh('ss -Hxlp src "*wg0.sock" | sed -n "s/.*pid=\\([0-9]*\\).*/\\1/p" | head -n 1')
    ).stdout.trim();
    expect(Number(pid)).toBeGreaterThan(1);
    await host.sh(`kill -STOP ${pid}`);
    expect(await look()).toEqual(['wg0 is not there, or nothing answers for it']);
    await host.sh(`kill -KILL ${pid}`);
    await until('it has ended', async () => !existsSync(`/proc/${pid}`));
  });

  test('a key file that is gone is written again from the interface, and never another one', async () => {
    await host.sh('/usr/local/lib/socle/address');
    await start();
    const key = 'cat /etc/socle/wireguard/private.key';
    const before = (await host.sh(key)).stdout;
    await host.sh('rm /etc/socle/wireguard/private.key');
    expect(await look()).toEqual(['/etc/socle/wireguard/private.key is missing']);
    expect((await host.sh('/usr/local/lib/socle/wireguard save-key')).exitCode).toBe(0);
    expect((await host.sh(key)).stdout).toBe(before);
    expect((await host.sh('stat -c %a /etc/socle/wireguard/private.key')).stdout.trim()).toBe('600');
    expect(await look()).toEqual(['']);
    await stop();
    await host.sh('mv /etc/socle/wireguard/private.key /etc/socle/wireguard/aside');
    expect((await host.sh('/usr/local/lib/socle/wireguard save-key')).exitCode).not.toBe(0);
    expect((await host.sh(key)).stdout).toBe('');
    await host.sh('mv /etc/socle/wireguard/aside /etc/socle/wireguard/private.key');
  });
});
