import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fail } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';
import { placeFiles } from './place-files.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-place-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));
const files = () => [
  { path: join(root, 'a/b/secret'), text: new Secret('s'), mode: 0o600 },
  { path: join(root, 'public'), text: 'p', mode: 0o644 },
];

test('files are put in place, and nothing else is left', async () => {
  await placeFiles(files());
  expect((await readdir(root, { recursive: true })).sort()).toEqual(['a', 'a/b', 'a/b/secret', 'public']);
  expect(await readFile(join(root, 'a/b/secret'), 'utf8')).toBe('s');
});

test('one that is there already stays, and the others are not there', async () => {
  await writeFile(join(root, 'public'), 'old');
  await expect(placeFiles(files())).rejects.toMatchObject({ code: 'already-there' });
  expect(await readdir(root, { recursive: true })).toEqual(['public']);
  expect(await readFile(join(root, 'public'), 'utf8')).toBe('old');
});

test('an interrupted one leaves nothing', async () => {
  const signal = AbortSignal.abort(fail('interrupted', 'interrupted by SIGINT'));
  await expect(placeFiles(files(), signal)).rejects.toMatchObject({ code: 'interrupted' });
  expect(await readdir(root)).toEqual([]);
});

test('a place that cannot be written leaves nothing in the others', async () => {
  const wrong = { path: join(root, 'public/below-a-file'), text: 'x', mode: 0o600 };
  await expect(placeFiles([...files(), wrong])).rejects.toThrow();
  expect(await readdir(root)).toEqual([]);
});
