import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { images, lock } from './lock.ts';
import { findMirror, resolveArtifacts } from './mirror.ts';

const sum = (text: string) => createHash('sha256').update(text).digest('hex');

let home: string;
let mirror: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'socle-mirror-'));
  mirror = join(home, 'mirror');
  await mkdir(join(mirror, 'images'), { recursive: true });
  await writeFile(join(mirror, 'k3s'), 'program');
  await writeFile(join(mirror, 'images/pause.tar'), 'pause');
});
afterEach(() => rm(home, { recursive: true }));

/** Writes the mirror's own list and returns its checksum. */
async function list(lines: Record<string, string>): Promise<string> {
  const text = Object.entries(lines)
    .map(([name, sha256]) => `${sha256}  ${name}\n`)
    .join('');
  await writeFile(join(mirror, 'SHA256SUMS'), text);
  return sum(text);
}

test('without a mirror it is the official release, with the checksums of the lock', async () => {
  const artifacts = await resolveArtifacts({ env: { HOME: home } });
  expect(artifacts.map(({ name }) => name)).toEqual(['k3s', 'images/k3s-airgap-images-amd64.tar.zst']);
  expect(artifacts[0]).toEqual({
    name: 'k3s',
    sha256: lock.k3s.sha256,
    from: { url: 'https://github.com/k3s-io/k3s/releases/download/v1.36.3%2Bk3s1/k3s' },
  });
});

test('a platform that vouches for a mirror of its own never takes the release instead', async () => {
  await expect(resolveArtifacts({ env: { HOME: home }, sums: sum('') })).rejects.toMatchObject({
    code: 'mirror-incomplete',
  });
});

test('every entry of the lock has a version and a SHA-256; images are named in full', () => {
  for (const { version, sha256 } of Object.values(lock)) {
    expect(version).toMatch(/^v1\.\d+\.\d+\+k3s\d+$/);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  }
  for (const image of Object.values(images)) expect(image).toMatch(/^docker\.io\/[a-z/-]+:v?[\d.]+$/);
});

test('the mirror is the one named, else $SOCLE_MIRROR, else the cache’s when it has one', async () => {
  const cache = join(home, 'cache');
  await mkdir(join(cache, 'socle/mirror'), { recursive: true });
  const env = { HOME: home, XDG_CACHE_HOME: cache, SOCLE_MIRROR: mirror };
  expect(findMirror({ named: home, env })).toBe(home);
  expect(findMirror({ env })).toBe(mirror);
  expect(findMirror({ env: { ...env, SOCLE_MIRROR: '' } })).toBe(null);
  await writeFile(join(cache, 'socle/mirror/k3s'), '');
  expect(findMirror({ env: { ...env, SOCLE_MIRROR: '' } })).toBe(join(cache, 'socle/mirror'));
  expect(() => findMirror({ named: join(home, 'nowhere'), env })).toThrow(/nowhere/);
});

test('a file that is not the official one is refused by name, with what was expected and found', async () => {
  await list({ k3s: sum('program') });
  await expect(resolveArtifacts({ named: mirror })).rejects.toMatchObject({
    code: 'checksum-mismatch',
    message: expect.stringContaining(join(mirror, 'k3s')),
    details: { expected: lock.k3s.sha256, found: sum('program') },
  });
});

test('a mirror’s own list counts once the platform file vouches for it', async () => {
  const sums = await list({ k3s: sum('program'), 'images/pause.tar': sum('pause'), 'bin/age': sum('else') });
  expect(await resolveArtifacts({ named: mirror, sums })).toEqual([
    { name: 'k3s', sha256: sum('program'), from: { file: join(mirror, 'k3s') } },
    { name: 'images/pause.tar', sha256: sum('pause'), from: { file: join(mirror, 'images/pause.tar') } },
  ]);
});

test('changing a file of such a mirror is refused, and so is changing the list with it', async () => {
  const sums = await list({ k3s: sum('program') });
  await writeFile(join(mirror, 'k3s'), 'other');
  await expect(resolveArtifacts({ named: mirror, sums })).rejects.toMatchObject({ details: { found: sum('other') } });
  await list({ k3s: sum('other') });
  await expect(resolveArtifacts({ named: mirror, sums })).rejects.toMatchObject({
    code: 'checksum-mismatch',
    message: expect.stringContaining('SHA256SUMS'),
  });
});

test('a file that is listed and missing, a list without K3s, and a way out of the mirror are refused', async () => {
  const missing = await list({ k3s: sum('program'), 'images/gone.tar': sum('') });
  await expect(resolveArtifacts({ named: mirror, sums: missing })).rejects.toMatchObject({ code: 'mirror-incomplete' });
  const empty = await list({ 'images/pause.tar': sum('pause') });
  await expect(resolveArtifacts({ named: mirror, sums: empty })).rejects.toMatchObject({ code: 'mirror-incomplete' });
  const outside = await list({ k3s: sum('program'), 'images/../../secret.tar': sum('') });
  expect(await resolveArtifacts({ named: mirror, sums: outside })).toHaveLength(1);
});
