import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exit } from '../src/kernel/errors.ts';
import { run, start } from '../src/kernel/process.ts';
import { program as socle } from '../src/kernel/program.ts';
import { startPostgres, type TestServer } from './support/postgres.ts';
import { until } from './support/until.ts';

/**
 * NFR-5: passwords that can be told from everything else go through every verb, in success and in failure. They may be
 * in the files that they come from, and nowhere else.
 */
const canary = (what: string) => `canary-${what}-${randomBytes(9).toString('hex')}`;
const secrets = {
  database: canary('database'),
  wrongDatabase: canary('wrong-database'),
  vault: canary('vault'),
  wrongVault: canary('wrong-vault'),
  kit: canary('kit'),
  hook: canary('hook'),
} as const;

let root: string;
let server: TestServer;
let hook: Server;
let hooked = 0;
/** Everything that was printed, logged or answered, by where it was. */
const said: { readonly where: string; readonly text: string }[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-secrets-'));
  for (const directory of ['home', 'tmp', 'secrets']) await mkdir(join(root, directory));
  for (const [name, secret] of Object.entries(secrets)) {
    await writeFile(join(root, 'secrets', name), `${secret}\n`, { mode: 0o600 });
  }
  hook = createServer((_, response) => {
    hooked += 1;
    response.end();
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const { port } = hook.address() as AddressInfo;
  await writeFile(join(root, 'secrets/hook'), `http://127.0.0.1:${port}/${secrets.hook}\n`, { mode: 0o600 });

  server = await startPostgres({ hba: ['local all socle_backup scram-sha-256'] });
  await server.sql('CREATE DATABASE shop');
  await server.sql(
    'CREATE TABLE orders (id int PRIMARY KEY, total numeric); INSERT INTO orders SELECT i, i FROM generate_series(1, 500) i',
    'shop',
  );
  await platform('platform.yaml', 'database', 'vault');
  await platform('wrong-database.yaml', 'wrongDatabase', 'vault');
  await platform('wrong-vault.yaml', 'database', 'wrongVault');
  const grant = JSON.parse((await cli(['database', 'grant', '--json'])).stdout);
  await server.sql(grant.sql, 'shop');
  await server.sql(`ALTER ROLE socle_backup PASSWORD '${secrets.database}'`);
});
afterAll(async () => {
  await server?.stop();
  hook?.close();
  await rm(root, { recursive: true, force: true });
});

function platform(file: string, database: keyof typeof secrets, vault: keyof typeof secrets): Promise<void> {
  return writeFile(
    join(root, file),
    `name: canary
environment: dev
databases:
  - name: shop
    connection: {host: ${server.host}, database: shop, password: {file: secrets/${database}}}
backup:
  vault: {repository: vault, password: {file: secrets/${vault}}}
  copy: {repository: copy, password: {command: [cat, ${join(root, 'secrets/vault')}]}}
drill: {overdue_after: 1s}
ops:
  state: state
  listen: {port: 0}
  notify: {webhook: {url: {file: secrets/hook}}}
`,
  );
}

const environment = () => ({ HOME: join(root, 'home'), TMPDIR: join(root, 'tmp'), SOCLE_LOG: 'trace' });

async function cli(args: readonly string[], config = 'platform.yaml') {
  const command = [...args, '--config', join(root, config)];
  const result = await run(socle, command, {
    accept: Object.values(exit),
    cwd: root,
    env: environment(),
    timeout: 120_000,
  });
  said.push({ where: `socle ${args.join(' ')}`, text: result.stdout + result.stderr });
  return result;
}

/** Looks at every process of this machine, again and again. */
function watchProcesses() {
  const leaks = new Set<string>();
  const programs = new Set<string>();
  const seen = new Map<string, string>();
  const look = () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        // The environment is that of the last exec: it changes with the arguments.
        if (seen.get(pid) === commandLine) continue;
        seen.set(pid, commandLine);
        const [program = ''] = commandLine.split('\0');
        programs.add(program.split('/').at(-1) ?? '');
        const places = { arguments: commandLine, environment: readFileSync(`/proc/${pid}/environ`, 'latin1') };
        for (const [place, text] of Object.entries(places)) {
          for (const [name, secret] of Object.entries(secrets)) {
            if (text.includes(secret)) leaks.add(`${name} in the ${place} of ${program}`);
          }
        }
      } catch {
        // It has ended, or belongs to somebody whose processes we may not see.
      }
    }
  };
  const timer = setInterval(look, 25);
  return { leaks, programs, stop: () => clearInterval(timer) };
}

/** Every verb, and every endpoint of the daemon, while it has something to tell. */
async function everything(): Promise<void> {
  for (const args of [
    ['config', 'check'],
    ['database', 'check'],
    ['vault', 'init'],
    ['vault', 'key', 'add', 'secrets/kit'],
    ['backup', 'run', '--deep', '--json'],
    ['vault', 'copy'],
    ['backup', 'verify'],
    ['drill', 'run', '--deep', '--json'],
    ['backup', 'reindex'],
    ['backup', 'prune', '--yes'],
    ['vault', 'check'],
    ['vault', 'unlock'],
    ['drill', 'show', '--html', 'report.html'],
    ['restore', 'shop_again', '--user', 'postgres'],
  ]) {
    const { exitCode, stderr } = await cli(args);
    expect(exitCode, `socle ${args.join(' ')}: ${stderr}`).toBe(exit.ok);
  }
  for (const args of [['backup', 'list'], ['drill', 'list', '--json'], ['status'], ['operations', 'list', '--json']])
    await cli(args);
  said.push({ where: 'report.html', text: await readFile(join(root, 'report.html'), 'utf8') });
  await daemon();
  for (const args of [
    ['database', 'check'],
    ['backup', 'run'],
    ['backup', 'run', '--json'],
  ]) {
    expect((await cli(args, 'wrong-database.yaml')).exitCode).toBeGreaterThan(0);
  }
  for (const args of [
    ['vault', 'check'],
    ['backup', 'run'],
    ['drill', 'run', '--json'],
  ]) {
    expect((await cli(args, 'wrong-vault.yaml')).exitCode).toBeGreaterThan(0);
  }
}

async function daemon(): Promise<void> {
  const child = start(socle, ['serve', '--config', join(root, 'platform.yaml')], { cwd: root, env: environment() });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      log += chunk;
    });
  try {
    const url = /"url":"(http:[^"]+)"/;
    await until('the daemon answers', () => url.test(log));
    const address = url.exec(log)?.[1] ?? '';
    const { stdout } = await cli(['config', 'openapi']);
    const paths = Object.keys(JSON.parse(stdout).paths).filter((path) => !path.includes('{'));
    for (const path of [...paths, '/v1/components/vault/readiness', '/nothing']) {
      said.push({ where: `GET ${path}`, text: await (await fetch(address + path)).text() });
    }
    await until('the webhook was called', () => hooked > 0);
  } finally {
    child.kill('SIGTERM');
    await child.ended;
  }
  said.push({ where: 'log of the daemon', text: log });
}

/** Every file below the root but the secrets themselves. */
async function filesLeft(): Promise<{ where: string; text: string }[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.parentPath !== join(root, 'secrets'));
  return Promise.all(
    files.map(async (entry) => {
      const where = join(entry.parentPath, entry.name);
      return { where, text: await readFile(where, 'latin1') };
    }),
  );
}

test('a password is in no output, log, answer, file, argument or environment', async () => {
  const watch = watchProcesses();
  try {
    await everything();
  } finally {
    watch.stop();
  }
  expect([...watch.leaks]).toEqual([]);
  // The eyes were open: these ran, and they are the ones that need a password.
  for (const program of ['restic', 'pg_dump', 'pg_restore', 'postgres']) expect([...watch.programs]).toContain(program);

  const files = await filesLeft();
  expect(files.some(({ where }) => where.endsWith('socle.db'))).toBe(true);
  const leaks = [...said, ...files].flatMap(({ where, text }) =>
    Object.entries(secrets)
      .filter(([, secret]) => text.includes(secret))
      .map(([name]) => `${name} in ${where}`),
  );
  expect(leaks).toEqual([]);
  expect(said.length).toBeGreaterThan(30);
  // What failed was looked into: its stack, and the processes of it, with their arguments and exit codes.
  const failed = said.filter(({ text }) => text.includes('debug: SocleError'));
  expect(failed.length).toBeGreaterThanOrEqual(6);
  expect(failed.some(({ text }) => /debug: .*restic .*: ended with [1-9]\d* after \d+ ms/.test(text))).toBe(true);
}, 600_000);
