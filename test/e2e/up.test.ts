import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/kernel/process.ts';
import { silent } from '../../src/kernel/progress.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { directoryOf } from '../../src/sandbox/store.ts';
import { answerOf, Operator, processWith } from '../support/operator.ts';

const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));
const tools = ['wireguard-go', 'wg', 'nmap'].every(installed);

async function within<T>(seconds: number, what: string, fact: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    const value = await fact();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe.skipIf(userInfo().uid !== 0 || !tools).each([13, 12] as const)(
  'a fresh Debian %i (needs root, wireguard-go, wireguard-tools and nmap)',
  (release) => {
    const name = `test-up-${release}`;
    const vpn = '10.8.0.1';
    let operator: Operator;
    let login: string[];
    /** Within 4 s: a connection that hangs until a ruleset is taken back is no answer. */
    const answers = async (address: string) => (await operator.on('true', address, 4_000)).exitCode === 0;
    const status = async () => JSON.parse((await operator.on('/usr/local/lib/socle/firewall status', vpn)).stdout);

    beforeAll(async () => {
      const directory = await mkdtemp(join(tmpdir(), 'socle-up-'));
      operator = new Operator(await bootMachine({ name, release }, silent), directory);
      const known = join(directoryOf(name), 'known_hosts');
      const [, print = ''] = (await run('ssh-keygen', ['-lf', known])).stdout.split(' ');
      login = ['--identity', operator.key, '--host-key', print];
      const file = `name: t\nenvironment: dev\nhost: {address: ${addresses.host.v4}}\n`;
      await writeFile(join(directory, 'platform.yaml'), file);
      await operator.socle('vpn', 'add', 'laptop');
    });
    afterAll(async () => {
      await operator.leaveVpn();
      await removeMachine(name);
      await rm(operator.directory, { recursive: true, force: true });
    });

    test('an unknown host key, another one, and a user who is not let in are refused', async () => {
      const unknown = await operator.socle('up', '--identity', operator.key);
      expect(unknown).toMatchObject({ exitCode: 77, answer: { error: { code: 'host-key-unknown' } } });
      const other = ['--host-key', `SHA256:${'A'.repeat(43)}`];
      const changed = await operator.socle('up', '--identity', operator.key, ...other);
      expect(changed).toMatchObject({ exitCode: 77, answer: { error: { code: 'host-key-changed' } } });
      const stranger = join(operator.directory, 'stranger');
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', stranger]);
      const denied = await operator.socle('up', '--identity', stranger, ...login.slice(2));
      expect(denied).toMatchObject({ exitCode: 77, answer: { error: { code: 'host-denied' } } });
    });

    test('`up` provisions it, waits for the VPN, and closes SSH in public once it came through', async () => {
      await run('git', ['-C', operator.directory, 'init', '-q']);
      const upping = answerOf(operator.startSocle('up', ...login, '--vpn-wait', '5m'));
      const hostKey = join(operator.directory, '.config/socle/t/wireguard.pub');
      await within(1_200, 'the host’s key', async () => (existsSync(hostKey) ? true : undefined));
      expect(await answers(addresses.host.v4)).toBe(true);
      await operator.joinVpn((await operator.socle('vpn', 'config', 'laptop')).answer.config);
      const { exitCode, answer } = await upping;
      expect(answer).toMatchObject({ ssh: 'vpn', record: { status: 'done', failed: [], actor: 'cli:root' } });
      expect(exitCode).toBe(0);
      const [, print] = (await run('ssh-keygen', ['-lf', `${operator.key}.pub`])).stdout.split(' ');
      expect(answer.record.key).toBe(print);
      expect(await answers(addresses.host.v4)).toBe(false);
      expect(await answers(vpn)).toBe(true);
      expect(await status()).toEqual({ confirmed: 'closed', current: true, loaded: true, trial: false });
      const sshd = (await operator.on('sshd -T', vpn)).stdout;
      expect(sshd).toContain('passwordauthentication no\n');
      expect(await readFile(join(operator.directory, 'platform.yaml'), 'utf8')).not.toContain('PrivateKey');
    });

    test('the public sees no TCP port at all, on IPv4 and IPv6', async () => {
      const scan = ['-n', '-Pn', '-sS', '--min-rate', '5000', '--max-retries', '1', '-oG', '-'];
      const four = await operator.exec('nmap', [...scan, '-p-', addresses.host.v4]);
      const six = await operator.exec('nmap', [...scan, '-6', '-p', '1-2000,6443,7410,10250', addresses.host.v6]);
      expect(four.stdout).toMatch(/Ignored State: filtered \(65535\)/);
      expect(six.stdout).toMatch(/Ignored State: filtered/);
      expect(`${four.stdout}${six.stdout}`).not.toMatch(/\/(open|closed)\//);
    });

    test('a second run changes nothing, though its connection is cut in the middle; a third one is refused meanwhile', async () => {
      const upping = answerOf(operator.startSocle('up', ...login));
      const follower = await within(120, 'following', () =>
        processWith(' ssh -o', join(operator.directory, '.config'), ' follow '),
      );
      const third = await operator.socle('up', ...login);
      expect(third).toMatchObject({ exitCode: 75, answer: { error: { code: 'busy' } } });
      process.kill(follower, 'SIGKILL');
      expect(await upping).toMatchObject({ exitCode: 0, answer: { record: { changed: [], failed: [] }, ssh: 'vpn' } });
      const { answer: runs } = await operator.socle<{ status: string }[]>('runs', 'list', ...login);
      expect(runs.map((one) => one.status)).toEqual(['done', 'done']);
    });

    test('a ruleset that cuts the operator off is taken back by itself', async () => {
      const cut = 'table inet socle { chain prerouting { type filter hook prerouting priority -150; policy drop; }; }';
      const text = `add table inet socle\ndelete table inet socle\n${cut}\n`;
      await operator.on(`printf "%s" "${text}" > /etc/socle/firewall/cut.nft`, vpn);
      await operator.on('systemd-run --quiet /usr/local/lib/socle/firewall try cut 20s', vpn);
      await within(60, 'being cut off', async () => ((await answers(vpn)) ? undefined : true));
      await within(60, 'coming back', async () => ((await answers(vpn)) ? true : undefined));
      expect(await status()).toMatchObject({ confirmed: 'closed', loaded: true, trial: false });
      expect((await operator.on('/usr/local/lib/socle/firewall confirm', vpn)).exitCode).toBe(3);
    });

    test('a reboot takes a trial back, and brings firewall, address and tunnel up by itself', async () => {
      await operator.on('/usr/local/lib/socle/firewall try open 600s', vpn);
      expect(await answers(addresses.host.v4)).toBe(true);
      const boot = (await operator.on('cut -d" " -f22 /proc/1/stat', vpn)).stdout;
      await operator.on('systemctl reboot', vpn);
      await within(180, 'the reboot', async () => {
        const { exitCode, stdout } = await operator.on('cut -d" " -f22 /proc/1/stat', vpn);
        return exitCode === 0 && stdout !== boot ? true : undefined;
      });
      expect(await answers(addresses.host.v4)).toBe(false);
      expect(await status()).toEqual({ confirmed: 'closed', current: true, loaded: true, trial: false });
      const units = 'systemctl is-active socle-firewall socle-address socle-wireguard; systemctl is-enabled nftables';
      expect((await operator.on(units, vpn)).stdout).toBe('active\nactive\nactive\nmasked');
    });

    test('a ruleset that does not load falls back to SSH for keys and WireGuard', async () => {
      await operator.on('echo nonsense >> /etc/socle/firewall/ruleset.nft; systemctl restart socle-firewall', vpn);
      expect(await answers(addresses.host.v4)).toBe(true);
      expect(await answers(vpn)).toBe(true);
      const { exitCode } = await operator.on('nft list table inet socle | grep -q "tcp dport 22 accept"', vpn);
      expect(exitCode).toBe(0);
    });

    test('`up` puts a damaged ruleset right, and a rescue boot opens SSH for keys', async () => {
      expect((await operator.socle('up', ...login)).exitCode).toBe(0);
      expect(await status()).toEqual({ confirmed: 'closed', current: true, loaded: true, trial: false });
      expect(await answers(addresses.host.v4)).toBe(false);
      const rescue = 'echo quiet socle.rescue=1 > /run/cmdline && mount --bind /run/cmdline /proc/cmdline';
      await operator.on(`${rescue} && systemctl restart socle-firewall`, vpn);
      expect(await answers(addresses.host.v4)).toBe(true);
      await operator.on('umount /proc/cmdline && systemctl restart socle-firewall', vpn);
      expect(await answers(addresses.host.v4)).toBe(false);
    });
  },
);
