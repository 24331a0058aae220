import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SocleError } from '../kernel/errors.ts';
import type { Problem } from './explain.ts';
import { loadPlatform } from './load.ts';

const base = `name: atelier
environment: prod
host: {address: vps.example, user: root}
databases:
  - name: shop
    connection: {database: shop}
  - name: wiki
    connection: {database: wiki}
backup:
  vault:
    repository: sftp:me@vault.example:/srv
    password: {file: vault.password}
firewall:
  public: [{port: 80}, {port: 443}]
`;
const upper = `base: platform.yaml
name: atelier-staging
environment: staging
host: {address: staging.example}
databases:
  - name: notes
    connection: {database: notes}
  - name: wiki
    connection: {host: db.example}
backup:
  rpo: 8d
firewall:
  public: [{port: 8080}]
`;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-overlay-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
const load = async (overlaid: string, below = base) => {
  await writeFile(at('platform.yaml'), below);
  await writeFile(at('platform.staging.yaml'), overlaid);
  return loadPlatform(at('platform.staging.yaml'));
};
const problems = (overlaid: string, below = base) =>
  load(overlaid, below).then(
    () => [] as Problem[],
    (error: SocleError) => error.details.problems as Problem[],
  );

test('mappings and named lists are merged, everything else is replaced', async () => {
  expect(await load(upper)).toMatchObject({
    name: 'atelier-staging',
    environment: 'staging',
    host: { address: 'staging.example', user: 'root' },
    databases: [
      { name: 'shop' },
      { name: 'wiki', connection: { host: 'db.example', database: 'wiki' } },
      { name: 'notes' },
    ],
    backup: { rpo: 8 * 86_400_000, vault: { password: { file: at('vault.password') } } },
    firewall: { public: [{ port: 8080 }] },
  });
});

test.each<[what: string, overlaid: string, below: string, expected: Partial<Problem> & { in: string }]>([
  [
    'a key above',
    upper.replace('rpo', 'rop'),
    base,
    { in: 'platform.staging.yaml', line: 11, column: 3, path: 'backup.rop' },
  ],
  [
    'a value below',
    upper,
    base.replace('{database: shop}', '{database: shop, port: high}'),
    { in: 'platform.yaml', line: 6, column: 40, path: 'databases[0].connection.port' },
  ],
  [
    'a value above in an entry that is also below',
    upper.replace('db.example}', 'db.example, port: high}'),
    base,
    { in: 'platform.staging.yaml', line: 9, column: 42, path: 'databases[1].connection.port' },
  ],
  [
    'a value above in a new entry',
    upper.replace('{database: notes}', '{port: 5433}'),
    base,
    { in: 'platform.staging.yaml', line: 7, column: 5, path: 'databases[2].connection.database' },
  ],
  [
    'a key below',
    upper,
    base.replace('repository', 'repositry'),
    { in: 'platform.yaml', line: 11, column: 5, path: 'backup.vault.repositry' },
  ],
  ['the syntax below', upper, `${base}name: twice\n`, { in: 'platform.yaml', line: 15, column: 1 }],
  [
    'a section that was emptied',
    upper.replace('backup:\n  rpo: 8d', 'backup:'),
    base,
    { in: 'platform.staging.yaml', path: 'backup', message: expect.stringContaining('a mapping') },
  ],
  [
    'a rule between both',
    upper.replace('environment: staging', 'environment: prod').replace('rpo: 8d', 'vault: {repository: /srv}'),
    base,
    { in: 'platform.staging.yaml', line: 11, path: 'backup.vault.repository' },
  ],
  [
    'a base that is not there',
    upper.replace('base: platform', 'base: plat'),
    base,
    { in: 'platform.staging.yaml', line: 1, column: 7, message: expect.stringContaining('plat.yaml cannot be read') },
  ],
  ['a base elsewhere', upper.replace('base: ', 'base: ../'), base, { in: 'platform.staging.yaml', path: 'base' }],
  ['a base of a base', upper, `${base}base: other.yaml\n`, { in: 'platform.yaml', line: 15, path: 'base' }],
  [
    'the name of the base',
    upper.replace('name: atelier-staging\n', ''),
    base,
    { in: 'platform.staging.yaml', path: 'name' },
  ],
  [
    'no environment of its own',
    upper.replace('environment: staging\n', ''),
    base,
    { in: 'platform.staging.yaml', path: 'environment' },
  ],
  [
    'the host of the base',
    upper.replace('staging.example', 'vps.example'),
    base,
    { in: 'platform.staging.yaml', line: 4, path: 'host.address' },
  ],
])('%s is told in the file that it is in', async (_, overlaid, below, { in: name, ...expected }) => {
  expect(await problems(overlaid, below)).toContainEqual(expect.objectContaining({ file: at(name), ...expected }));
});

test('a base need not be complete, nor valid alone', async () => {
  const shared = base.replace('name: atelier\nenvironment: prod\nhost: {address: vps.example, user: root}\n', '');
  expect(await load(upper, shared)).toMatchObject({ host: { user: 'debian' }, databases: { length: 3 } });
});
