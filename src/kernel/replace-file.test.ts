import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { editFile } from './edit-file.ts';
import { run } from './process.ts';
import { replaceFile } from './replace-file.ts';

let root: string;
const at = (name: string) => join(root, name);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-files-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const asRoot = process.getuid?.() === 0;
const noMount = asRoot ? '' : '(SKIPPED: needs root for a small file system)';

test.skipIf(!asRoot)(`on a full disk the previous content stays whole, and nothing is left ${noMount}`, async () => {
  await mkdir(at('small'));
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at('small')]);
  try {
    const file = at('small/platform.yaml');
    await writeFile(file, 'name: shop\n');
    const huge = 'x'.repeat(200_000);
    await expect(replaceFile(file, huge)).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(editFile(file, () => huge)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await readFile(file, 'utf8')).toBe('name: shop\n');
    expect(await readdir(at('small'))).toEqual(['platform.yaml']);
  } finally {
    await run('umount', [at('small')]);
  }
});

test('mode and symbolic link stay; a new file is private', async () => {
  await writeFile(at('real'), 'a', { mode: 0o640 });
  await symlink('real', at('link'));
  await replaceFile(at('link'), 'b');
  expect((await lstat(at('link'))).isSymbolicLink()).toBe(true);
  expect((await stat(at('real'))).mode & 0o777).toBe(0o640);
  expect(await readFile(at('real'), 'utf8')).toBe('b');
  await replaceFile(at('new'), 'c');
  expect((await stat(at('new'))).mode & 0o777).toBe(0o600);
  await replaceFile(at('real'), 'd', { enforceMode: true });
  expect((await stat(at('real'))).mode & 0o777).toBe(0o600);
  expect((await readdir(root)).sort()).toEqual(['link', 'new', 'real']);
});

test.skipIf(!asRoot)(`the owner stays ${noMount}`, async () => {
  await writeFile(at('theirs'), 'a');
  await run('chown', ['1234:2345', at('theirs')]);
  await replaceFile(at('theirs'), 'b');
  expect(await stat(at('theirs'))).toMatchObject({ uid: 1234, gid: 2345 });
});

test('what is no regular file is written to', async () => {
  await replaceFile('/dev/null', 'x');
  expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
});

test('forty edits at once all count, in several processes as well', async () => {
  await writeFile(at('count'), '');
  const script = `import { editFile } from ${JSON.stringify(new URL('./edit-file.ts', import.meta.url).href)};
    for (let n = 0; n < 10; n += 1) await editFile(process.argv[1], (text) => text + 'x');`;
  const child = () => run(process.execPath, ['--input-type=module', '-e', script, at('count')]);
  await Promise.all([child(), child(), child(), child()]);
  expect(await readFile(at('count'), 'utf8')).toBe('x'.repeat(40));
  expect(await readdir(root)).toEqual(['count']);
}, 60_000);

test('an edit gives way to an editor that wrote meanwhile, and a failed one changes nothing', async () => {
  await writeFile(at('file'), 'a');
  const raced = editFile(at('file'), async () => {
    await writeFile(at('file'), 'of the editor');
    return 'ours';
  });
  await expect(raced).rejects.toMatchObject({ code: 'busy' });
  expect(await readFile(at('file'), 'utf8')).toBe('of the editor');
  const failing = editFile(at('file'), () => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await expect(editFile(at('absent'), (text) => text)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(existsSync(at('absent'))).toBe(false);
});
