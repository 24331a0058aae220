import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/kernel/progress.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { Operator } from '../support/operator.ts';
import { until } from '../support/until.ts';

/** What a real systemd on a throw-away machine does about a way in that was broken: how long it takes. */
const missing = ['wireguard-go', 'wg', 'nft'].filter(
  (tool) => !['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool))),
);
const why =
  userInfo().uid !== 0 ? '(needs root)' : missing.length > 0 ? `(SKIPPED: there is no ${missing.join(', ')})` : '';

describe.skipIf(why !== '').each([13, 12] as const)(
  `the way into a Debian %i comes back by itself ${why}`,
  (release) => {
    const name = `test-way-in-${release}`;
    const vpn = '10.8.0.1';
    let operator: Operator;
    const answers = async () => (await operator.on('true', vpn, 4_000)).exitCode === 0;
    const table = async () => (await operator.exec('nft', ['list', 'table', 'inet', 'socle'], 'host')).stdout;

    beforeAll(async () => {
      const directory = await mkdtemp(join(tmpdir(), 'socle-way-in-'));
      operator = new Operator(await bootMachine({ name, release }, silent), directory);
      const login = await operator.login();
      const file = `name: t\nenvironment: dev\nhost: {address: ${addresses.host.v4}}\n`;
      await writeFile(join(directory, 'platform.yaml'), file);
      await operator.socle('vpn', 'add', 'laptop');
      const opened = await operator.socle('up', ...login, '--only', 'network', '--vpn-wait', '1s');
      expect(opened, JSON.stringify(opened.answer)).toMatchObject({ exitCode: 6 });
      await operator.joinVpn(await readFile(join(operator.config, 'socle', 't', 'peer-laptop.conf'), 'utf8'));
      const closed = await operator.socle('up', ...login, '--only', 'network');
      expect(closed, JSON.stringify(closed.answer)).toMatchObject({ exitCode: 0, answer: { ssh: 'vpn' } });
      expect(closed.answer.record.changed).toEqual([]);
    }, 900_000);
    afterAll(async () => {
      await operator?.leaveVpn();
      await removeMachine(name);
      await rm(operator?.directory ?? '', { recursive: true, force: true });
    });

    test('units of the network run confined, and are enabled', async () => {
      const units = 'socle-firewall socle-address socle-wireguard socle-way-in';
      expect(
        (await operator.on(`systemctl is-active ${units}; systemctl is-enabled ${units}`, vpn)).stdout.split('\n'),
      ).toEqual([...Array(4).fill('active'), ...Array(4).fill('enabled')]);
    });

    test.for([
      'nft flush ruleset',
      'nft delete table inet socle',
      'nft insert rule inet socle public tcp dport 22 accept',
    ])('the confirmed ruleset is back within 10 s after `%s`', async (breaks, { annotate }) => {
      const before = await table();
      expect(before).toContain('chain public');
      const [file = '', ...args] = breaks.split(' ');
      const start = performance.now();
      await operator.exec(file, args, 'host');
      expect(await table()).not.toBe(before);
      await until('the ruleset', async () => (await table()) === before, 30);
      const seconds = (performance.now() - start) / 1_000;
      await annotate(`back after ${seconds.toFixed(1)} s`);
      expect(seconds).toBeLessThan(10);
      expect(await answers()).toBe(true);
    });

    test.for([
      'ip link delete wg0',
      'systemctl stop socle-wireguard',
      'wg set wg0 private-key /dev/null',
      'wg set wg0 peer $(wg show wg0 peers) remove',
      'kill -STOP $(systemctl show -P MainPID socle-wireguard)',
      'ip address delete 10.8.0.1/32 dev lo',
    ])('the tunnel is back within a minute after `%s`', async (breaks, { annotate }) => {
      await until('the VPN', answers, 60);
      // Broken once this connection has ended.
      await operator.on(
        `systemd-run --quiet --collect --on-active=1 sh -c ${JSON.stringify(breaks.replaceAll('$', '\\$'))}`,
        vpn,
      );
      const start = performance.now();
      await until('it is broken', async () => !(await answers()), 30);
      await until('the VPN', answers, 120);
      const seconds = (performance.now() - start) / 1_000;
      await annotate(`back after ${seconds.toFixed(1)} s`);
      expect(seconds).toBeLessThan(60);
    });
  },
);
