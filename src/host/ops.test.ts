import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SocleError } from '../kernel/errors.ts';
import { parsePlatform } from '../platform/load.ts';
import { withOwnSecrets } from '../platform/paths.ts';
import { planHostPlatform } from './ops-platform.ts';
import { opsVariables } from './ops-variables.ts';

const written = `
base: platform.yaml
name: t
environment: dev
host: { address: 198.51.100.20 }
databases:
  - name: shop
    connection:
      database: shop
      host: db.example
      password: { file: secrets/shop }
      tls: { mode: verify-full, ca: tls/ca.pem, key: /etc/socle/secrets/shop.key }
backup:
  vault:
    repository: vaults/here
    password: { command: [pass, show, vault] }
    options: { sftp.args: -i /etc/socle/secrets/vault_ed25519 -o BatchMode=yes }
    environment: { AWS_SECRET_ACCESS_KEY: { file: /etc/socle/secrets/s3.key } }
ops:
  notify:
    mail: { host: mail.example, user: me, password: { file: ~mail }, from: 'Socle <s@t.example>', to: [o@t.example] }
`;
const plan = (text: string) => {
  const platform = parsePlatform(text.replace('base: platform.yaml\n', ''), 'f');
  return { platform, host: planHostPlatform(parse(text), platform, '/home/me/atelier') };
};

test('what belongs to the operator is sent under the name of its place, and what belongs to the host stays', () => {
  const { host } = plan(written);
  expect(host.sent).toEqual([
    { name: 'databases.shop.connection.password', source: { file: '/home/me/atelier/secrets/shop' } },
    { name: 'databases.shop.connection.tls.ca', source: { whole: '/home/me/atelier/tls/ca.pem' } },
    { name: 'backup.vault.password', source: { command: ['pass', 'show', 'vault'] } },
    { name: 'ops.notify.mail.password', source: { file: '/home/me/atelier/~mail' } },
  ]);
  expect(host.own).toEqual(['s3.key', 'shop.key', 'vault_ed25519']);
});

test('the platform file of the host is whole, valid, and says where state and API are', () => {
  const { host } = plan(written);
  const there = parsePlatform(host.text, '/etc/socle/platform.yaml');
  expect(there.databases[0]?.connection).toMatchObject({
    password: { file: '/etc/socle/secrets/databases.shop.connection.password' },
    tls: {
      ca: '/etc/socle/secrets/databases.shop.connection.tls.ca',
      key: '/etc/socle/secrets/shop.key',
    },
  });
  expect(there.backup?.vault.password).toEqual({ file: '/etc/socle/secrets/backup.vault.password' });
  expect(there.ops).toMatchObject({ state: '/var/lib/socle/daemon', listen: { host: '10.8.0.1', port: 7410 } });
  expect(host.text).not.toContain('\nbase:');
  expect(host.directories).toEqual(['/etc/socle/vaults/here', '/var/lib/socle/daemon']);
});

test('an address and directories that the operator chose stay', () => {
  const text =
    'name: t\nenvironment: dev\nhost: {address: a}\ndrill: {scratch: /srv/scratch}\nbackup: {vault: {repository: "sftp:me@v:/x", password: {file: p}}}\n';
  const { host } = plan(`${text}ops: {state: /srv/socle, listen: {host: 127.0.0.1, port: 80}}\n`);
  expect(host).toMatchObject({ address: '127.0.0.1', port: 80, state: '/srv/socle' });
  expect(host.directories).toEqual(['/srv/scratch', '/srv/socle', '/var/lib/socle/daemon']);
});

test('two secrets of one name are refused', () => {
  const text =
    'name: t\nenvironment: dev\nbackup: {vault: {repository: /v, password: {file: mine}}, copy: {repository: /w, password: {file: /etc/socle/secrets/backup.vault.password}}}\n';
  expect(() => plan(text)).toThrow(SocleError);
});

test('the role is told no secret, and who gets a mail', () => {
  const { platform, host } = plan(written);
  const variables = opsVariables(platform, host, { id: '0.1.0-abc', files: 'f', node: 'n' });
  expect(variables.ops_mail).toEqual({
    url: 'smtp://mail.example:587',
    starttls: true,
    from: 'Socle <s@t.example>',
    to: ['o@t.example'],
    user: 'me',
    credential: 'ops.notify.mail.password',
  });
  expect(variables.ops_credentials).toEqual([
    'backup.vault.password',
    'databases.shop.connection.password',
    'databases.shop.connection.tls.ca',
    'ops.notify.mail.password',
    's3.key',
    'shop.key',
    'vault_ed25519',
  ]);
});

test('the role is told where PostgreSQL comes from', () => {
  const told = (text: string) => {
    const { platform, host } = plan(text);
    return opsVariables(platform, host, { id: 'i', files: 'f', node: 'n' }).ops_postgresql;
  };
  const address = 'https://apt.postgresql.org/pub/repos/apt';
  expect(told(written)).toEqual({ source: 'distribution', majors: [], mirror: address });
  const own =
    'address: 198.51.100.20, postgresql: {source: pgdg, majors: [16, 14], mirror: "http://mirror.example:8080/pgdg"}';
  expect(told(written.replace('address: 198.51.100.20', own))).toEqual({
    source: 'pgdg',
    majors: [16, 14],
    mirror: 'http://mirror.example:8080/pgdg',
  });
});

test('in a unit, secrets of the host are read from its credentials', () => {
  const { host } = plan(written);
  const env = { CREDENTIALS_DIRECTORY: '/run/credentials/socle.service' };
  const { backup, databases } = withOwnSecrets(parsePlatform(host.text, 'f'), env);
  expect(backup?.vault).toMatchObject({
    password: { file: '/run/credentials/socle.service/backup.vault.password' },
    options: { 'sftp.args': '-i /run/credentials/socle.service/vault_ed25519 -o BatchMode=yes' },
  });
  expect(databases[0]?.connection.tls.key).toBe('/run/credentials/socle.service/shop.key');
});
