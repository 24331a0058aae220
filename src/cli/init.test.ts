import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../../test/support/until.ts';
import { run, start } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';
import { loadPlatform } from '../platform/load.ts';

let directory: string;
let home: string;
/** Of Node alone: without it every process compiles everything anew. */
let cache: string;

beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'socle-init-cache-'));
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socle-init-'));
  home = join(directory, 'home');
  mkdirSync(home);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const cli = (...args: string[]) =>
  run(socle, args, {
    accept: [0, 2, 4, 77],
    cwd: directory,
    env: { HOME: home, XDG_CACHE_HOME: cache, TZ: 'Europe/Paris' },
  });
const json = async (...args: string[]) => {
  const { exitCode, stdout } = await cli(...args, '--json');
  return { exitCode, stdout, answer: JSON.parse(stdout) };
};
const filesBelow = (where: string) =>
  readdirSync(where, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(directory.length + 1))
    .sort();
const read = (path: string) => readFileSync(join(directory, path), 'utf8');
const everything = [
  ...['init', '--name', 'atelier', '--environment', 'prod', '--host', '203.0.113.7', '--ssh-user', 'root'],
  ...['--public-address', 'vps.example', '--vpn-peer', 'laptop', '--vpn-peer', 'phone', '--with-cluster'],
  ...['--database', 'shop_prod', '--vault', 'sftp:backup@vault.example:/srv/socle'],
];

test('options make a valid file with comments, and secrets that nobody else reads and that are printed nowhere', async () => {
  const { answer, stdout } = await json(...everything);
  const platform = await loadPlatform(join(directory, 'platform.yaml'));
  expect(platform).toMatchObject({
    name: 'atelier',
    environment: 'prod',
    timezone: 'Europe/Paris',
    host: { address: '203.0.113.7', user: 'root' },
    vpn: { endpoint: 'vps.example', peers: [{ name: 'laptop', address: '10.8.0.2' }, { name: 'phone' }] },
    cluster: { networks: { services: '10.43.0.0/16' } },
    databases: [{ name: 'shop-prod', connection: { database: 'shop_prod' } }],
    backup: { vault: { password: { file: join(directory, 'secrets/vault.password') } } },
  });
  expect(read('platform.yaml').match(/^ *# /gm)?.length).toBeGreaterThan(15);
  expect(read('platform.yaml')).toMatch(/\n\n# WireGuard.*\nvpn:\n/);
  const secrets = [
    'home/.config/socle/atelier/peer-laptop.key',
    'home/.config/socle/atelier/peer-phone.key',
    'home/.config/sops/age/keys.txt',
    'secrets/vault.password',
  ];
  expect(filesBelow(directory)).toEqual([...secrets, 'platform.yaml', 'secrets/.gitignore'].sort());
  const committed = read('platform.yaml');
  for (const file of secrets) {
    expect(statSync(join(directory, file)).mode & 0o777, file).toBe(0o600);
    const secret = read(file).trim().split('\n').at(-1) as string;
    expect(secret.length).toBeGreaterThan(30);
    expect(stdout + committed).not.toContain(secret);
  }
  expect(answer).toMatchObject({ recipient: expect.stringMatching(/^age1/), kept: [] });
  expect(answer.next.join('\n')).toContain('socle up');
  expect((await json('vpn', 'list')).answer).toHaveLength(2);

  await run('git', ['init', '--quiet', directory], { env: { HOME: home } });
  const { stdout: seen } = await run('git', ['-C', directory, 'status', '--porcelain', '-uall', '--', ':!home'], {
    env: { HOME: home },
  });
  expect(seen).toBe('?? platform.yaml');
});

test('the next steps are in the order in which they work, each for the machine that it is about', async () => {
  const { answer } = await json(...everything, '--config', 'lab/prod.yaml');
  const steps: string[] = answer.next;
  expect(steps.map((step) => step.replace(/ +# .*/, ''))).toEqual([
    'socle config check --config lab/prod.yaml',
    'socle plan --config lab/prod.yaml',
    'socle up --config lab/prod.yaml',
    'socle vpn config laptop --config lab/prod.yaml',
    'socle verify --config lab/prod.yaml',
    'socle kubeconfig --config lab/prod.yaml',
    "ssh root@10.8.0.1 'socle database grant shop-prod | runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -d shop_prod'",
    'ssh root@10.8.0.1 socle vault init',
    'ssh root@10.8.0.1 socle backup run',
    'ssh root@10.8.0.1 socle drill run',
    'socle kit create --to DIRECTORY --config lab/prod.yaml',
    'socle kit confirm --from DIRECTORY --config lab/prod.yaml',
  ]);
  for (const step of steps) expect(step.includes('# on the host: ')).toBe(step.startsWith('ssh '));
});

test('without a host everything is done here, and ./platform.yaml is found by itself', async () => {
  const { answer } = await json('init', '--name', 'shop', '--database', 'shop', '--vault', '/srv/vault', '--yes');
  expect(answer.next.join('\n')).not.toMatch(/ssh|sudo|--config|socle up|verify/);
  expect(answer.next.join('\n')).toMatch(/^socle vault init +# create the vault$/m);
});

test('who is not root on the host becomes it with sudo', async () => {
  const { answer } = await json('init', '--name', 'shop', '--host', 'h.example', '--vault', 'sftp:b@v:/s', '--yes');
  expect(answer.next.join('\n')).toMatch(/^ssh debian@10\.8\.0\.1 sudo socle vault init +# on the host: /m);
});

test('defaults are enough, without host, vault or databases', async () => {
  const { answer } = await json('init', '--config', 'lab-1/platform.yaml', '--yes');
  expect(answer).toMatchObject({ name: 'lab-1', environment: 'dev', peers: [] });
  expect(filesBelow(directory)).toEqual(['home/.config/sops/age/keys.txt', 'lab-1/platform.yaml']);
});

test('what is there is used and never overwritten', async () => {
  mkdirSync(join(directory, 'secrets'));
  writeFileSync(join(directory, 'secrets/vault.password'), 'of an earlier try\n', { mode: 0o600 });
  const { answer: first } = await json(...everything);
  expect(first.kept).toEqual([join(directory, 'secrets/vault.password')]);
  const before = filesBelow(directory).map(read);
  const again = await json(...everything);
  expect(again).toMatchObject({ exitCode: 4, answer: { error: { code: 'already-there' } } });
  expect(filesBelow(directory).map(read)).toEqual(before);

  // A platform file that is lost does not cost its keys.
  rmSync(join(directory, 'platform.yaml'));
  const { answer: second } = await json(...everything);
  expect(second.kept).toHaveLength(4);
  expect(filesBelow(directory).map(read)).toEqual(before);
});

test.each<[what: string, args: string[], said: string]>([
  ['a name that is none', ['--name', 'My Shop'], 'lower-case letters'],
  ['an unknown environment', ['--environment', 'production'], 'prod'],
  ['production that would burn with its host', ['--environment', 'prod', '--vault', '/srv/vault'], 'off this host'],
  ['databases without a vault', ['--database', 'shop'], '--vault'],
  ['a cluster without a host', ['--with-cluster'], 'there is none'],
  ['a password in an address', ['--vault', 'rest:https://me:hunter2@vault.example/'], 'password'],
  ['two peers of a name', ['--host', 'h.example', '--vpn-peer', 'a', '--vpn-peer', 'a'], 'same name'],
  ['an address that is none', ['--host', 'not an address'], 'host.address'],
])('%s is refused, and leaves nothing', async (_, args, said) => {
  const { exitCode, answer, stdout } = await json('init', ...args);
  expect({ exitCode, code: answer.error.code }).toEqual({ exitCode: 2, code: 'usage' });
  expect(answer.error.message).toContain(said);
  expect(stdout).not.toContain('hunter2');
  expect(filesBelow(directory)).toEqual([]);
});

test('a password file that cannot be read is told, and leaves nothing', async () => {
  const { answer } = await json('init', '--vault', '/srv/vault', '--vault-password', 'absent');
  expect(answer.error.code).toBe('secret-unreadable');
  expect(filesBelow(directory)).toEqual([]);
});

const script = '/usr/bin/script';
const hasTerminal = existsSync(script);

/** The command on a terminal of its own, and what it has shown. */
function onTerminal() {
  const child = start(script, ['--quiet', '--return', '--command', `${socle} init`, '/dev/null'], {
    cwd: directory,
    env: { HOME: home, XDG_CACHE_HOME: cache, TZ: 'UTC', TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let shown = '';
  child.stdout?.on('data', (chunk) => {
    shown += chunk;
  });
  const answer = async (question: string, text: string) => {
    await until(`it asks for ${question}`, () => shown.includes(question));
    shown = '';
    child.stdin?.write(text);
  };
  return { child, answer, shown: () => shown };
}

test.runIf(hasTerminal)('a person is asked, and asked again after a wrong answer', async () => {
  const { child, answer, shown } = onTerminal();
  await answer('Name of the platform', 'Shop!\n');
  await answer('Name of the platform', 'shop\n');
  await answer('Environment', '\n');
  await answer('Time zone [UTC]', '\n');
  await answer('Host', 'vps.example\n');
  await answer('SSH user', '\n');
  await answer('VPN peers', '\n');
  await answer('databases', 'orders wiki\n');
  await answer('Vault', '\n');
  await answer('Vault', '/srv/vault\n');
  await answer('K3s', 'yes\n');
  const { exitCode } = await child.ended;
  expect({ exitCode, shown: shown() }).toEqual({ exitCode: 0, shown: expect.stringContaining('socle up') });
  expect(await loadPlatform(join(directory, 'platform.yaml'))).toMatchObject({
    name: 'shop',
    host: { address: 'vps.example', user: 'debian' },
    databases: [{ name: 'orders' }, { name: 'wiki' }],
    cluster: {},
  });
});

test.runIf(hasTerminal).each([
  ['Ctrl-C', '\x03'],
  ['the end of the input', '\x04'],
])('%s at a question leaves nothing', async (_, key) => {
  const { child, answer } = onTerminal();
  await answer('Name of the platform', 'shop\n');
  await answer('Environment', key);
  expect((await child.ended).exitCode).toBe(130);
  expect(filesBelow(directory)).toEqual([]);
});
