import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownFile } from '../kernel/place.ts';
import { run } from '../kernel/process.ts';
import { makeRelease, type Release } from './release.ts';

let directory: string;
let release: Release;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-release-test-'));
  release = await makeRelease(process.arch as 'x64' | 'arm64');
  for (const [path, text] of Object.entries(release.files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  await copyFile(release.node.file, join(directory, 'bin/node'));
  for (const name of ['socle', 'node']) await chmod(join(directory, 'bin', name), 0o755);
}, 120_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

const socle = (...args: string[]) => run(join(directory, 'bin/socle'), args, { cwd: directory });

test('a release is whole by its own list, and its id is the list’s', async () => {
  await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: directory });
  const { stdout } = await run('sha256sum', ['SHA256SUMS'], { cwd: directory });
  expect(release.id).toMatch(new RegExp(`-${stdout.slice(0, 12)}$`));
});

test('it runs where there are neither sources nor packages', async () => {
  expect(JSON.parse((await socle('version', '--json')).stdout)).toMatchObject({ node: process.versions.node });
  expect(JSON.parse((await socle('config', 'openapi')).stdout).openapi).toBe('3.1.0');
  await writeFile(join(directory, 'platform.yaml'), 'name: t\nenvironment: dev\n');
  expect(JSON.parse((await socle('config', 'check', '--json')).stdout)).toMatchObject({ valid: true });
});

test('it sends itself: the same release, byte for byte', async () => {
  const outfile = join(directory, 'src/release/itself.js');
  await build({
    entryPoints: [ownFile('src/release/release.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['esbuild'],
  });
  const script = `import { makeRelease } from ${JSON.stringify(outfile)};
    console.log(JSON.stringify(await makeRelease(process.arch)));`;
  const { stdout } = await run(join(directory, 'bin/node'), ['--input-type=module', '-e', script]);
  expect(JSON.parse(stdout)).toEqual({ ...release, node: { ...release.node, file: join(directory, 'bin/node') } });
});

test('a Node for a host of another architecture is asked for by name', async () => {
  const other = process.arch === 'x64' ? 'arm64' : 'x64';
  await expect(makeRelease(other)).rejects.toMatchObject({ code: 'release-incomplete' });
});
