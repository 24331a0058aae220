import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loaded } from '../../src/host/settle.ts';
import { silent } from '../../src/kernel/progress.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { OperatorsMail } from '../support/mail-server.ts';
import { Operator } from '../support/operator.ts';
import { until } from '../support/until.ts';

const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));
const missing = ['wireguard-go', 'wg', 'curl'].filter((tool) => !installed(tool));
const why =
  userInfo().uid !== 0 ? 'needs root' : missing.length > 0 ? `SKIPPED: there is no ${missing.join(', ')}` : '';

const vpn = '10.8.0.1';
const api = `http://${vpn}:7410`;
/** Secrets that must be found in root-only files and nowhere else. */
const secrets = { vault: 'canary-of-the-vault', mail: 'canary-of-the-mail' };

describe.skipIf(why !== '').each([13, 12] as const)(`the daemon on a fresh Debian %i ${why}`, (release) => {
  const name = `test-ops-${release}`;
  let operator: Operator;
  let login: string[];
  let mail: OperatorsMail;

  const on = (script: string, input?: string) => operator.on(script, vpn, 300_000, input);
  const told = async (script: string) => (await on(script)).stdout;
  const property = (unit: string, which: string) => told(`systemctl show --property=${which} --value ${unit}`);
  const curl = async (url: string, where: 'operator' | 'wan' = 'operator', ...args: string[]) =>
    (await operator.exec('curl', ['-sS', '--max-time', '10', ...args, url], where)).stdout;
  const ready = async () => (await curl(`${api}/readyz`)) === '{"status":"pass"}';
  /** None while it does not answer. */
  const components = async () => {
    const { items } = JSON.parse((await curl(`${api}/v1/components`)) || '{"items":[]}');
    return Object.fromEntries(items.map((one: { name: string }) => [one.name, one]));
  };
  /** None while it does not answer. */
  const drills = async (verdict: string): Promise<unknown[]> =>
    JSON.parse((await curl(`${api}/v1/drills?verdict=${verdict}`)) || '{"items":[]}').items;

  /** Its secrets are in root's files and nowhere else. */
  async function secretsAreRoots() {
    // Not in the command: sudo writes that into the journal.
    const canaries = `${Object.values(secrets).join('\n')}\n`;
    const search = async (script: string) =>
      (await on(`cat > /run/canaries; ${script} || echo nowhere; rm /run/canaries`, canaries)).stdout;
    const places =
      '/var/lib/socle/runs /var/lib/socle/bundles /var/lib/socle/daemon /etc/systemd /usr/local/lib/socle /opt/socle/current/src';
    expect(await search('grep -rlFf /run/canaries /etc/socle/secrets | wc -l')).toBe('2');
    expect(await search(`grep -rlFf /run/canaries ${places} /etc/socle/platform.yaml`)).toBe('nowhere');
    expect(await search('journalctl --quiet --output=cat | grep -Ff /run/canaries')).toBe('nowhere');
  }

  async function up(...args: string[]) {
    const start = performance.now();
    const { exitCode, answer } = await operator.socle('up', ...login, ...args);
    const seconds = Math.round((performance.now() - start) / 1_000);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    const changed = answer.record.changed.map(({ task }) => task);
    return { answer, changed, text: `${seconds} s, changed ${changed.length}, ${JSON.stringify(answer.record.roles)}` };
  }

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'socle-ops-'));
    operator = new Operator(await bootMachine({ name, release }, silent), directory);
    login = await operator.login();
    mail = new OperatorsMail(operator.machine.namespaces.operator, { port: 2525, password: secrets.mail });
    await writeFile(join(directory, 'vault.password'), `${secrets.vault}\n`, { mode: 0o600 });
    const platform = {
      name,
      environment: 'dev',
      host: { address: addresses.host.v4 },
      databases: [{ name: 'shop', connection: { database: 'shop', user: 'socle' } }],
      backup: {
        schedule: '* * * * *',
        deep_schedule: 'off',
        jitter: '0s',
        vault: { repository: '/srv/vault', password: { file: 'vault.password' } },
      },
      drill: { schedule: '* * * * *', jitter: '0s' },
      ops: {
        notify: {
          mail: {
            host: addresses.operator.v4,
            port: 2525,
            tls: 'none',
            user: 'me',
            password: { command: ['printf', secrets.mail] },
            from: 'Socle <socle@example.net>',
            to: ['oncall@example.net'],
          },
        },
      },
    };
    await writeFile(join(directory, 'platform.yaml'), stringify(platform));
    await operator.socle('vpn', 'add', 'laptop');
  }, 600_000);
  afterAll(async () => {
    await mail?.stop();
    await operator?.leaveVpn();
    await removeMachine(name);
    await rm(operator?.directory ?? '', { recursive: true, force: true });
  });

  test('the daemon alone is refused while there is no firewall, and nothing was changed', async () => {
    const alone = await operator.socle('up', ...login, '--only', 'ops');
    expect(alone).toMatchObject({ exitCode: 4, answer: { error: { code: 'domain-needs-another' } } });
    expect((await operator.on('ls -d /etc/socle /var/lib/socle /opt/socle 2>/dev/null')).stdout).toBe('');
  });

  test('a first run sends release and secrets, and the daemon answers', async ({ annotate }) => {
    const start = performance.now();
    const { exitCode, answer } = await operator.socle('up', ...login, '--vpn-wait', '1s');
    await annotate(
      `first run: ${Math.round((performance.now() - start) / 1_000)} s, ${JSON.stringify(answer.record.roles)}`,
    );
    expect(exitCode, JSON.stringify(answer)).toBe(6);
    expect(answer).toMatchObject({ api, record: { only: ['network', 'ops'], failed: [] } });
    expect(answer.sent).toEqual([
      expect.stringMatching(/^socle /),
      expect.stringMatching(/^node /),
      'the secret backup.vault.password',
      'the secret ops.notify.mail.password',
    ]);
    await operator.joinVpn(await readFile(join(operator.config, 'socle', name, 'peer-laptop.conf'), 'utf8'));
    await until('it answers through the tunnel', ready, 30);
  });

  test('a second run sends, changes and restarts nothing', async ({ annotate }) => {
    const before = await property('socle.service', 'MainPID');
    const { answer, changed, text } = await up();
    await annotate(`second run: ${text}`);
    expect({ changed, sent: answer.sent, ssh: answer.ssh }).toEqual({ changed: [loaded.closed], sent: [], ssh: 'vpn' });
    expect(await property('socle.service', 'MainPID')).toBe(before);
  });

  test('it answers through the tunnel and only through it, by its own name, GET only', async () => {
    await operator.exec('ip', ['route', 'replace', `${vpn}/32`, 'via', addresses.host.v4], 'wan');
    for (const where of ['operator', 'wan'] as const) {
      for (const address of [addresses.host.v4, `[${addresses.host.v6}]`]) {
        expect(await curl(`http://${address}:7410/readyz`, where, '--max-time', '3')).toBe('');
      }
    }
    expect(await curl(`${api}/readyz`, 'wan', '--max-time', '3')).toBe('');
    const code = ['-o', '/dev/null', '-w', '%{http_code}'];
    expect(await curl(`${api}/readyz`, 'operator', ...code)).toBe('200');
    expect(await curl(`${api}/readyz`, 'operator', ...code, '-H', 'Host: evil.example')).toBe('421');
    expect(await curl(`${api}/readyz`, 'operator', ...code, '-X', 'POST')).toBe('405');
    expect(await told('ss -Hltn sport = :7410')).toMatch(/^LISTEN\s+\d+\s+\d+\s+10\.8\.0\.1:7410\s/);
  });

  test('its user has neither shell nor sudo, its unit an exposure of at most 2.0, its secrets are root’s', async ({
    annotate,
  }) => {
    expect(await told('getent passwd socle')).toMatch(
      /^socle:x:\d+:\d+::\/var\/lib\/socle\/daemon:\/usr\/sbin\/nologin$/,
    );
    expect((await on('runuser -u socle -- sudo -n true')).exitCode).not.toBe(0);
    const [, exposure] =
      /exposure level for socle\.service: ([\d.]+)/.exec(
        await told('systemd-analyze security --no-pager socle.service'),
      ) ?? [];
    await annotate(`systemd-analyze security: socle.service ${exposure}`);
    expect(Number(exposure)).toBeLessThanOrEqual(2);
    expect(await told('stat -c "%a %U %G" /etc/socle/platform.yaml /etc/socle/secrets /etc/socle/secrets/*')).toBe(
      '640 root socle\n700 root root\n600 root root\n600 root root',
    );
    await secretsAreRoots();
  });

  test('what only root sees is known to it', async () => {
    // They are of up to half a minute ago, and looked at every ten seconds.
    const closed = 'the confirmed ruleset is loaded unchanged; SSH answers through the VPN only';
    await until('the facts are there', async () => (await components()).firewall?.detail === closed, 90);
    const { vpn: tunnel, disk } = await components();
    expect(tunnel).toMatchObject({
      status: 'pass',
      measured: { peers: 1, 'lastHandshake:laptop': expect.any(Number) },
    });
    expect(disk.status).toBe('pass');
    await on('nft add rule inet socle public tcp dport 7410 accept');
    await until('a rule by hand is a failure', async () => (await components()).firewall?.status === 'fail', 90);
    await on('systemctl restart socle-firewall.service');
    await until('it has passed', async () => (await components()).firewall?.status === 'pass', 90);
  });

  test('a PostgreSQL of the host is backed up and proven by the daemon itself', async ({ annotate }) => {
    await operator.uncoverProc(vpn);
    const [version] = (await told('ls /usr/lib/postgresql')).split('\n');
    expect(await told('pg_lsclusters --no-header')).toBe('');
    await on(`pg_createcluster ${version} main --start`);
    const psql = (text: string, database = 'postgres') =>
      on(`runuser -u postgres -- psql -qXv ON_ERROR_STOP=1 -d ${database}`, text);
    await until('it runs', async () => (await psql('SELECT 1')).exitCode === 0);
    await psql('CREATE ROLE socle LOGIN;\nCREATE DATABASE shop;');
    await psql('CREATE TABLE product AS SELECT id, md5(id::text) FROM generate_series(1, 5000) id;', 'shop');
    const { stdout: rights } = await on('socle database grant shop');
    const granted = await psql(rights, 'shop');
    expect(granted.exitCode, granted.stderr).toBe(0);
    expect((await on('socle vault init')).exitCode).toBe(0);
    const start = performance.now();
    await until('a drill has proven a backup', async () => (await drills('proven')).length > 0, 600);
    await annotate(
      `from an empty vault to a proven backup, by schedule: ${Math.round((performance.now() - start) / 1_000)} s`,
    );
    expect(
      await told('journalctl --quiet --output=cat --unit="socle-drill@*" | grep -c "Started socle-drill@"'),
    ).not.toBe('0');
    expect(await told('find /srv/vault /var/lib/socle/daemon ! -user socle')).toBe('');
    const operations = JSON.parse(await curl(`${api}/v1/operations`)).items.map((one: { actor: string }) => one.actor);
    expect(new Set(operations)).toEqual(new Set(['cli:debian', 'scheduler']));
    await until('it says so', async () => (await components())['postgresql-shop']?.status === 'pass', 60);
    await secretsAreRoots();
  }, 900_000);

  test('a daemon that is killed, and one that hangs, comes back by itself, and nobody is woken', async ({
    annotate,
  }) => {
    const before = mail.arrived.length;
    const pid = () => property('socle.service', 'MainPID');
    const first = await pid();
    await on(`kill -9 ${first}`);
    await until('it is back', async () => (await pid()) !== first && (await ready()), 60);
    const second = await pid();
    const start = performance.now();
    await on(`kill -STOP ${second}`);
    await until('the watchdog has ended it', async () => (await pid()) !== second && (await ready()), 180);
    await annotate(`a hanging daemon was replaced after ${Math.round((performance.now() - start) / 1_000)} s`);
    expect(mail.arrived.slice(before).filter(({ text }) => text.includes('has failed on'))).toEqual([]);
  }, 600_000);

  test('a daemon that cannot start is told about by mail, without Node; `up` repairs it', async () => {
    await on('chmod a-x /opt/socle/current/bin/node');
    await on('systemctl restart socle.service');
    const failure = () => mail.arrived.find(({ text }) => text.includes('Subject: socle.service has failed on'));
    await until('the mail is there', () => failure() !== undefined, 120);
    expect(failure()).toMatchObject({ from: 'socle@example.net', to: ['oncall@example.net'] });
    expect(failure()?.text).toMatch(/Its last lines:.*socle/s);
    const { changed } = await up('--only', 'ops');
    expect(changed.at(-1)).toBe('Run the daemon');
    expect(await ready()).toBe(true);
    expect((await up('--only', 'ops')).changed).toEqual([]);
  }, 600_000);

  /** Another release on the host, whole by its own list: the one that runs, with one file changed. */
  async function otherRelease(change: string): Promise<string> {
    const script = `set -e; cd /opt/socle/releases; rm -rf other; cp -a "$(readlink ../current | cut -d/ -f2)" other; cd other
      ${change}
      sed -nE 's/^.{64}  //p' SHA256SUMS | xargs sha256sum > sums && mv sums SHA256SUMS
      id=0.0.1-$(sha256sum SHA256SUMS | cut -c1-12); cd ..; rm -rf "$id"; mv other "$id"; echo "$id"`;
    return told(script);
  }
  const current = async () => (await told('readlink /opt/socle/current')).replace('releases/', '');

  test('a release that does not come to answer is rolled back with its state, one that does stays', async () => {
    const before = await current();
    const broken = await otherRelease('echo "process.exit(1)" > src/cli/main.js');
    const refused = await on(`/usr/local/lib/socle/release switch ${broken}`);
    expect({ exitCode: refused.exitCode, said: refused.stderr }).toEqual({
      exitCode: 3,
      said: expect.stringContaining(`${before} is back`),
    });
    expect(await current()).toBe(before);
    await until('it answers', ready, 30);
    expect(await drills('proven')).not.toEqual([]);

    const other = await otherRelease('echo >> LICENSE');
    expect((await on(`/usr/local/lib/socle/release switch ${other}`)).exitCode).toBe(0);
    expect(await current()).toBe(other);
    expect(await ready()).toBe(true);
    const { exitCode, answer } = await operator.socle<{ from: string; to: string }>('upgrade', ...login);
    expect({ exitCode, answer }).toMatchObject({ exitCode: 0, answer: { from: other, to: before } });
    expect(await current()).toBe(before);
    expect(await drills('proven')).not.toEqual([]);
    expect((await told('ls /opt/socle/releases')).split('\n').sort()).toEqual([other, before].sort());
  }, 600_000);

  test('after a reboot it answers again, and a run changes nothing', async () => {
    await operator.reboot(vpn);
    await until('it answers', ready, 120);
    expect((await up()).changed).toEqual([]);
  }, 600_000);
});
