import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exit } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-verify-'));
  await writeFile(join(directory, 'platform.yaml'), 'name: t\nenvironment: dev\nops: {state: state}\n');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const verify = (...args: string[]) =>
  run(socle, ['verify', '--json', ...args], { accept: Object.values(exit), cwd: directory });

test('a JUnit file from before does not stand for checks that could not be made', async () => {
  const file = join(directory, 'verify.xml');
  await writeFile(file, '<testsuites failures="0" errors="0"></testsuites>');
  const { stdout } = await verify('--junit', file);
  const { error } = JSON.parse(stdout);
  const xml = await readFile(file, 'utf8');
  expect(xml).toContain('tests="1" failures="0" errors="1"');
  expect(xml).toContain(`<error message="${error.message}`);
});

test('a JUnit file that cannot be written is told before anything is looked at', async () => {
  const { exitCode, stdout } = await verify('--junit', 'absent/verify.xml');
  expect({ exitCode, error: JSON.parse(stdout).error }).toMatchObject({
    exitCode: exit.usage,
    error: { code: 'usage', message: expect.stringContaining('ENOENT') },
  });
});

test('a wrong option leaves a JUnit file from before as it is', async () => {
  const file = join(directory, 'kept.xml');
  await writeFile(file, 'kept');
  const before = await stat(file);
  expect((await verify('--junit', file, '--nonsense')).exitCode).toBe(exit.usage);
  expect((await stat(file)).mtimeMs).toBe(before.mtimeMs);
});
