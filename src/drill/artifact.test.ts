import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeBackup } from '../../test/support/stored-backup.ts';
import type { Vault } from '../backup/vault.ts';
import { openVault } from '../backup/vault-open.ts';
import { checkArchive, fetchArtifact, findArtifact } from './artifact.ts';

let root: string;
let vault: Vault;
const data = randomBytes(100_000);

const openVaultAt = (name: string) =>
  openVault(
    { repository: join(root, name), password: { file: join(root, 'password') }, options: {}, environment: {} },
    { platform: 'shop', cache: join(root, 'cache'), lockWait: 0 },
  );

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-artifact-'));
  await writeFile(join(root, 'password'), 'a password\n', { mode: 0o600 });
  vault = await openVaultAt('vault');
  await vault.init();
  await storeBackup(vault, { id: 'b-1', database: 'orders', at: '2026-11-22T12:00:00Z', data });
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function fetched(from: Vault, directory: string): Promise<Buffer> {
  const artifact = await findArtifact(from, 'b-1');
  await mkdir(join(root, directory));
  const { archive, roles } = await fetchArtifact(from, artifact, join(root, directory));
  await checkArchive(archive, artifact.manifest.dump);
  expect(await readFile(roles, 'utf8')).toBe('CREATE ROLE somebody;\n');
  return readFile(archive);
}

test('a backup is found by its manifest, and a vault without it says so', async () => {
  expect(await fetched(vault, 'plain')).toEqual(data);
  await expect(findArtifact(vault, 'b-2')).rejects.toMatchObject({ code: 'no-backup' });
});

test('it is found in a copy of the vault, whose snapshots have other ids', async () => {
  const copy = await openVaultAt('copy');
  await copy.init();
  const all = await vault.list();
  await vault.copyTo(
    copy,
    all.map(({ snapshot }) => snapshot),
  );
  const ids = (await copy.list()).map(({ snapshot }) => snapshot);
  expect(ids.filter((id) => all.some(({ snapshot }) => snapshot === id))).toEqual([]);
  expect(await fetched(copy, 'copied')).toEqual(data);
});

test('a snapshot beside it that is damaged does not hide it', async () => {
  const other = await vault.putFiles({ item: 'state', database: 'orders', id: 's-1' }, { 'state.txt': 'x' });
  await rm(join(root, 'cache'), { recursive: true });
  const file = (await readdir(join(root, 'vault/snapshots'))).find((name) => name === other.snapshot) ?? '';
  await writeFile(join(root, 'vault/snapshots', file), randomBytes(300));
  expect(await fetched(vault, 'beside')).toEqual(data);
});

test('bytes that are not those of the manifest are damage', async () => {
  const { manifest } = await findArtifact(vault, 'b-1');
  await writeFile(join(root, 'other'), randomBytes(100_000));
  await expect(checkArchive(join(root, 'other'), manifest.dump)).rejects.toMatchObject({ code: 'artifact-damaged' });
  const stopped = AbortSignal.abort();
  await expect(checkArchive(join(root, 'other'), manifest.dump, stopped)).rejects.toMatchObject({
    code: 'interrupted',
  });
});
