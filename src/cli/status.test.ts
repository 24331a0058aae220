import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { catalogued } from '../../test/support/stored-backup.ts';
import { BackupCatalog } from '../backup/catalog.ts';
import { daemonElsewhere } from '../host/elsewhere.ts';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { recordDaemon } from '../observability/daemon-record.ts';
import { parsePlatform } from '../platform/load.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-status-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const watched = `name: t
environment: staging
databases: [{name: orders, connection: {database: orders}}]
backup: {vault: {repository: vault, password: {file: password}}}
`;
const host = 'host: {address: vps.example, port: 2222}\n';

/** A platform with a state of its own. */
async function platform(name: string, text: string) {
  const file = join(directory, `${name}.yaml`);
  const database = join(directory, name, 'socle.db');
  await writeFile(file, `${text}ops: {state: ${name}}\n`);
  const status = (...args: string[]) => run(socle, ['status', '--config', file, ...args], { accept: [0, 3, 5] });
  return { database, status, json: async () => JSON.parse((await status('--json')).stdout) };
}

test('away from the host nothing is called a failure that only the host knows, and the host is named', async () => {
  const { database, status, json } = await platform('away', watched + host);
  const { stdout, exitCode } = await status();
  expect(exitCode).toBe(5);
  expect(stdout).toContain('ssh -p 2222 debian@10.8.0.1 sudo socle status');
  expect(stdout).toContain(database);
  expect(stdout).not.toMatch(/never succeeded|socle serve|fail/);
  expect(await json()).toMatchObject({
    status: 'unknown',
    source: {
      state: database,
      elsewhere: { host: 'vps.example', command: 'ssh -p 2222 debian@10.8.0.1 sudo socle status' },
    },
  });
});

test('what was done by hand from there is shown as such', async () => {
  const { database, status } = await platform('by-hand', watched + host);
  {
    using db = openDatabase(database);
    new BackupCatalog(db).save(catalogued('b-1', new Date().toISOString()));
  }
  const { stdout } = await status();
  expect(stdout).toContain('What was done from this machine');
  expect(stdout).toMatch(/^orders +backups +ok/m);
  expect(stdout).not.toContain('never succeeded');
});

test.each([
  ['without a host', watched, false],
  ['where a daemon ran with this state', watched + host, true],
])('%s the state of this machine is the truth', async (name, text, daemon) => {
  const { database, status, json } = await platform(name.replaceAll(' ', '-'), text);
  if (daemon) {
    using db = openDatabase(database);
    recordDaemon(db, new Date());
  }
  const { stdout, exitCode } = await status();
  expect(exitCode).toBe(3);
  expect(stdout).toContain('never succeeded');
  expect(await json()).toMatchObject({ status: 'fail', source: { state: database, elsewhere: null } });
});

test('the platform file of the host is at home, and a host that gets no daemon has none', () => {
  const at = (text: string, file = 'platform.yaml') => daemonElsewhere(parsePlatform(text, 'f'), file);
  expect(at(watched + host, '/etc/socle/platform.yaml')).toBeNull();
  expect(at(`name: t\nenvironment: dev\n${host}`)).toBeNull();
  expect(at(`${watched}${host}firewall: {ssh: public}\n`)?.command).toContain('debian@vps.example');
});
