import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SocleError } from '../kernel/errors.ts';
import type { Problem } from './explain.ts';
import { loadPlatform, parsePlatform } from './load.ts';
import { localOnlySentence } from './schema.ts';

const valid = `name: demo
environment: prod
databases:
  - name: shop
    connection: {database: shop}
backup:
  vault:
    repository: sftp:me@vault.example:/srv
    password: {file: vault.password}
`;

function problems(text: string): Problem[] {
  try {
    parsePlatform(text, 'platform.yaml');
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SocleError);
    expect((error as SocleError).code).toBe('config-invalid');
    return (error as SocleError).details.problems as Problem[];
  }
}

const vault = (repository: string) => valid.replace('sftp:me@vault.example:/srv', repository);

test('a small file is enough: everything else has a default', () => {
  const platform = parsePlatform(valid, 'platform.yaml');
  expect(platform.drill).toMatchObject({ rto: 3_600_000, limits: { memory: 2 ** 30, jobs: 2 } });
  expect(platform.databases[0]).toMatchObject({
    lock_timeout: 30_000,
    connection: { user: 'socle_backup', port: 5432 },
  });
  expect(platform.ops.listen).toEqual({ host: '127.0.0.1', port: 7410 });
});

test.each<[what: string, text: string, expected: Partial<Problem>]>([
  [
    'a misspelt key',
    valid.replace('databases:', 'databses:'),
    { line: 3, column: 1, path: 'databses', message: 'unknown key `databses`', suggestion: 'databases' },
  ],
  [
    'a misspelt key inside',
    valid.replace('repository', 'repositry'),
    { line: 8, column: 5, path: 'backup.vault.repositry', suggestion: 'repository' },
  ],
  [
    'a key in another spelling',
    `${valid}drill: {overdueAfter: 3d}\n`,
    { path: 'drill.overdueAfter', suggestion: 'overdue_after' },
  ],
  [
    'an unknown key that resembles nothing',
    `${valid}kubernetes: {}\n`,
    {
      line: 10,
      column: 1,
      message: 'unknown key `kubernetes`',
      allowed: expect.stringContaining('name, environment, timezone,'),
    },
  ],
  [
    'a key of a secret that is misspelt',
    valid.replace('file: vault', 'fil: vault'),
    { line: 9, column: 16, path: 'backup.vault.password.fil', suggestion: 'file' },
  ],
  [
    'a missing key',
    valid.replace('name: demo\n', ''),
    { line: 1, column: 1, path: 'name', message: 'this key is missing' },
  ],
  [
    'a missing key inside',
    valid.replace('{database: shop}', '{port: 5433}'),
    { line: 5, column: 5, path: 'databases[0].connection.database', message: 'this key is missing' },
  ],
  [
    'a value that is not one of a few',
    valid.replace('prod', 'production'),
    { line: 2, column: 14, path: 'environment', allowed: 'dev, staging, prod', suggestion: 'prod' },
  ],
  [
    'a wrong type',
    valid.replace('{database: shop}', '{database: shop, port: high}'),
    { line: 5, column: 40, message: 'expected a number, found "high"', allowed: 'a whole number from 1 to 65535' },
  ],
  [
    'a number out of range',
    valid.replace('{database: shop}', '{database: shop, port: 70000}'),
    { message: '70000 is too large', allowed: 'a whole number from 1 to 65535' },
  ],
  [
    'a duration without a unit',
    `${valid}drill: {rto: "60"}\n`,
    { line: 10, column: 14, path: 'drill.rto', message: '"60" is not right: expected a duration such as 60m' },
  ],
  ['a time zone that does not exist', `timezone: Europe/Pariss\n${valid}`, { line: 1, column: 11, path: 'timezone' }],
  [
    'a schedule that is not cron',
    `${valid}drill: {schedule: "61 5 * * 0"}\n`,
    {
      line: 10,
      path: 'drill.schedule',
      message: expect.stringMatching(/five fields .* \(Invalid value for minute: 61\)/),
    },
  ],
  ['a schedule with seconds', `${valid}drill: {schedule: "0 61 5 * * 0"}\n`, { path: 'drill.schedule' }],
  [
    'a schedule that never comes',
    `${valid}drill: {schedule: "0 5 30 2 *"}\n`,
    { path: 'drill.schedule', message: expect.stringContaining('never does') },
  ],
  [
    'two databases of one name',
    valid.replace('backup:', '  - name: shop\n    connection: {database: other}\nbackup:'),
    { line: 6, column: 11, path: 'databases[1].name', message: 'databases[0] is already called "shop"' },
  ],
  [
    'a drill without backups',
    'name: demo\nenvironment: dev\ndrill: {rto: 5m}\n',
    { line: 3, column: 8, path: 'drill', message: expect.stringContaining('no `backup` section') },
  ],
  [
    'an API that listens to the world',
    `${valid}ops: {listen: {host: 0.0.0.0}}\n`,
    { line: 10, column: 22, path: 'ops.listen.host', message: expect.stringContaining('others may reach') },
  ],
  [
    'a duplicate key',
    `${valid}environment: dev\n`,
    { line: 10, column: 1, message: expect.stringContaining('already there') },
  ],
  ['a tab', 'name: demo\ndrill:\n\trto: 5m\n', { line: 3, column: 1, message: 'a tab cannot indent YAML: use spaces' }],
  ['broken YAML', 'name: [demo\nenvironment: dev\n', { line: 2, message: expect.stringContaining('not valid YAML') }],
  ['a second document', `${valid}---\nname: two\n`, { line: 10, message: expect.stringContaining('second document') }],
  ['an unknown tag', valid.replace('demo', '!vault demo'), { line: 1, column: 7 }],
  ['an empty file', '', { line: 1, column: 1, path: 'name', message: 'this key is missing' }],
  ['a list', '- 1\n', { line: 1, column: 1, path: '', message: 'expected a mapping, found a list' }],
  [
    'a password in an address',
    vault('rest:https://me:hunter2@vault.example/'),
    { line: 8, path: 'backup.vault.repository', message: expect.stringContaining('no place for secrets') },
  ],
])('%s is refused, and said where', (_, text, expected) => {
  expect(problems(text)).toContainEqual(expect.objectContaining(expected));
});

const keyA = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
const keyB = 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=';
const peers = (second: string) =>
  `${valid}vpn:\n  peers:\n    - {name: a, public_key: ${keyA}, address: 10.8.0.2}\n    - ${second}\n`;

test.each<[what: string, text: string, path: string, message: string]>([
  ['a name twice', peers(`{name: a, public_key: ${keyB}, address: 10.8.0.3}`), 'vpn.peers[1].name', 'same name'],
  ['an address twice', peers(`{name: b, public_key: ${keyB}, address: 10.8.0.2}`), 'vpn.peers[1].address', 'same'],
  ['a key twice', peers(`{name: b, public_key: ${keyA}, address: 10.8.0.3}`), 'vpn.peers[1].public_key', 'same'],
  ['the host’s', peers(`{name: b, public_key: ${keyB}, address: 10.8.0.1}`), 'vpn.peers[1].address', 'the host’s'],
  ['broadcast', peers(`{name: b, public_key: ${keyB}, address: 10.8.0.255}`), 'vpn.peers[1].address', 'no host'],
  ['outside', peers(`{name: b, public_key: ${keyB}, address: 10.9.0.3}`), 'vpn.peers[1].address', 'not in vpn.subnet'],
  [
    'an unknown peer',
    peers(`{name: b, public_key: ${keyB}, address: 10.8.0.3, reaches: [c]}`),
    'vpn.peers[1].reaches[0]',
    'there is no peer "c"',
  ],
  ['no key', peers('{name: b, public_key: short, address: 10.8.0.3}'), 'vpn.peers[1].public_key', 'not right'],
  ['a network with host bits', `${valid}vpn: {subnet: 10.8.0.1/24}\n`, 'vpn.subnet', 'not right'],
  [
    'WireGuard’s port',
    `${valid}firewall: {public: [{port: 51820, protocol: udp}]}\n`,
    'firewall.public[0].port',
    'leads to WireGuard',
  ],
  [
    'PGDG without a major version',
    `${valid}host: {address: a, postgresql: {source: pgdg}}\n`,
    'host.postgresql.source',
    '`majors` beside it names none',
  ],
  [
    'a mirror with a password',
    `${valid}host: {address: a, postgresql: {mirror: "https://me:secret@apt.example"}}\n`,
    'host.postgresql.mirror',
    'not right',
  ],
  [
    'a version of long ago',
    `${valid}host: {address: a, postgresql: {majors: [9]}}\n`,
    'host.postgresql.majors[0]',
    'too small',
  ],
  ['SSH in public', `${valid}firewall: {public: [{port: 22}]}\n`, 'firewall.public[0].port', 'the port of SSH'],
])('of the host, the VPN and the firewall, %s is refused', (_, text, path, message) => {
  expect(problems(text)).toEqual([expect.objectContaining({ path, message: expect.stringContaining(message) })]);
});

test('what is allowed names nothing twice', () => {
  const found = problems(peers(`{name: a, public_key: ${keyB}, address: 10.8.0.3, reaches: [c]}`));
  expect(found.find(({ path }) => path === 'vpn.peers[1].reaches[0]')?.allowed).toBe('a');
});

test('everything that is wrong is told at once, in the order of the file', () => {
  const found = problems(
    valid
      .replace('demo', 'Demo')
      .replace('prod', 'live')
      .replace('databases', 'database')
      .replace('{file: ', '{flie: '),
  );
  expect(found.map((problem) => problem.path)).toEqual([
    'name',
    'environment',
    'database',
    'backup.vault.password.flie',
  ]);
});

test('the message names file, line and column, what is allowed and what was meant', () => {
  expect(() => parsePlatform(valid.replace('databases:', 'databses:'), 'etc/platform.yaml')).toThrow(
    /etc\/platform.yaml has a problem:\n {2}etc\/platform.yaml:3:1 databses: unknown key `databses`; did you mean `databases`\?/,
  );
});

test('a secret that was written into the file is not repeated in the error', () => {
  for (const text of [
    valid.replace('{file: vault.password}', 'hunter2'),
    valid.replace('{database: shop}', '{database: shop, password: hunter2}'),
    vault('rest:https://me:hunter2@vault.example/'),
  ]) {
    const found = problems(text);
    expect(found.length).toBeGreaterThan(0);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  }
});

test.each([
  ['/srv/vault', false],
  ['local:/srv/vault', false],
  ['rest:http://127.0.0.1:8000/', false],
  ['sftp://me@localhost:2222//srv', false],
  ['sftp:me@[::1]:/srv', false],
  ['sftp:me@localhost.example.org:/srv', true],
  ['rest:https://vault.example/', true],
  ['s3:https://s3.example/bucket', true],
  ['s3:s3.amazonaws.com/bucket', true],
])('production with a vault at %s alone: allowed is %s', (repository, allowed) => {
  expect(problems(vault(repository)).length === 0).toBe(allowed);
  expect(problems(vault(repository).replace('prod', 'staging'))).toEqual([]);
  expect(problems(`${vault(repository)}  local_only: ${localOnlySentence}\n`)).toEqual([]);
  expect(
    problems(`${vault(repository)}  copy: {repository: 'rest:https://b.example/', password: {file: p}}\n`),
  ).toEqual([]);
});

test('the sentence for local backups has to be written word for word', () => {
  expect(problems(`${vault('/srv')}  local_only: "yes"\n`)).toContainEqual(
    expect.objectContaining({ path: 'backup.local_only', allowed: JSON.stringify(localOnlySentence) }),
  );
});

test('paths are relative to the file, and a missing file is an error of its own', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-load-'));
  try {
    const file = join(directory, 'platform.yaml');
    await writeFile(file, `${vault('vaults/main').replace('prod', 'dev')}ops: {state: state}\n`);
    const platform = await loadPlatform(file);
    expect(platform.backup?.vault.repository).toBe(join(directory, 'vaults/main'));
    expect(platform.backup?.vault.password).toEqual({ file: join(directory, 'vault.password') });
    expect(platform.ops.state).toBe(join(directory, 'state'));
    await expect(loadPlatform(join(directory, 'other.yaml'))).rejects.toMatchObject({ code: 'config-missing' });
  } finally {
    await rm(directory, { recursive: true });
  }
});
