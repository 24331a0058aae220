import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKeyCheap } from '../../test/support/cheap-key.ts';
import { storeBackup } from '../../test/support/stored-backup.ts';
import { until } from '../../test/support/until.ts';
import { listOperations } from '../governance/operations.ts';
import { acquireLock } from '../kernel/lock.ts';
import { start } from '../kernel/process.ts';
import { silent } from '../kernel/progress.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { localOnlySentence, type Platform, platformSchema } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import { copyVault } from './copy.ts';
import type { VaultDeps } from './deps.ts';
import { verifyVault } from './integrity.ts';
import { prune } from './prune.ts';
import { reindex } from './reindex.ts';
import type { Vault } from './vault.ts';
import { initVault, requireOffHost } from './vault-admin.ts';
import { openVault } from './vault-open.ts';

const now = new Date('2026-11-22T12:00:00Z');
const at = (day: number) => new Date(now.getTime() - day * 86_400_000).toISOString();
const clock = { now: () => now, monotonic: () => performance.now() };
const actor = 'cli:test';
let root: string;
let platform: Platform;
let deps: VaultDeps & { copy: Vault };
let catalog: BackupCatalog;
const databases: DatabaseSync[] = [];

const openVaultAt = (name: string) =>
  openVault(
    { repository: join(root, name), password: { file: join(root, 'password') }, options: {}, environment: {} },
    { platform: 'shop', cache: join(root, 'cache'), lockWait: 0 },
  );
const state = () => {
  const db = openDatabase(':memory:');
  databases.push(db);
  return db;
};
const idsOf = async (vault: Vault) => [...new Set((await vault.list()).map(({ id }) => id))];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-care-'));
  await writeFile(join(root, 'password'), 'a password\n', { mode: 0o600 });
  const vault = { repository: join(root, 'vault'), password: { file: join(root, 'password') } };
  platform = platformSchema.parse({
    name: 'shop',
    environment: 'dev',
    databases: [{ name: 'orders', connection: { database: 'orders' } }],
    backup: {
      vault,
      copy: { ...vault, repository: join(root, 'copy') },
      retention: { last: 1, daily: 2, weekly: 0, monthly: 0 },
      integrity: { parts: 2 },
    },
  });
  const db = state();
  catalog = new BackupCatalog(db);
  deps = { db, vault: await openVaultAt('vault'), copy: await openVaultAt('copy'), clock, progress: silent };
});
afterAll(async () => {
  for (const db of databases) db.close();
  await rm(root, { recursive: true, force: true });
});

test('both vaults are made, and production needs one off the host', async () => {
  expect((await initVault({ platform, actor, anew: false }, deps)).vaults.map(({ created }) => created)).toEqual([
    true,
    true,
  ]);
  expect((await initVault({ platform, actor, anew: false }, deps)).vaults.map(({ created }) => created)).toEqual([
    false,
    false,
  ]);
  for (const name of ['vault', 'copy']) await makeKeyCheap(join(root, name), join(root, 'password'));
  const prod: Platform = { ...platform, environment: 'prod' };
  await expect(initVault({ platform: prod, actor, anew: false }, deps)).rejects.toMatchObject({
    code: 'vault-local-only',
  });
  const backup = prod.backup as NonNullable<Platform['backup']>;
  expect(() => requireOffHost({ ...prod, backup: { ...backup, local_only: localOnlySentence } })).not.toThrow();
  const away = { ...backup.vault, repository: 'sftp:backup@vault.example:/srv/vault' };
  expect(() => requireOffHost({ ...prod, backup: { ...backup, copy: away } })).not.toThrow();
});

test('a writer that is killed leaves a dump without manifest, which does not count', async () => {
  const script = fileURLToPath(new URL('../../test/support/upload-forever.ts', import.meta.url));
  const args = [script, join(root, 'vault'), join(root, 'password'), join(root, 'cache'), 'b-killed'];
  const writer = start(process.execPath, args);
  for (let bytes = 0; bytes < 64; )
    bytes += ((await once(writer.stdout ?? writer.stderr ?? process.stdin, 'data'))[0] as Buffer).length;
  writer.kill('SIGKILL');
  await writer.ended;
  // restic saw the end of its input, and stores what it got as if that were all.
  await until('restic has stored what it got', async () => (await deps.vault.list()).length === 1);
  const result = await reindex({ platform, actor }, deps);
  expect(result.found).toEqual({ good: 0, incomplete: 1, damaged: 0 });
  expect(catalog.get('b-killed')?.status).toBe('incomplete');
});

test('the catalog is rebuilt from the vault alone', async () => {
  for (const [id, day] of [
    ['b-1', 3],
    ['b-2', 2],
    ['b-3', 1],
    ['b-4', 0],
  ] as const) {
    // Half of the table is gone in b-4: b-3 is held.
    const counts = [{ name: 'public.t', rows: id === 'b-4' ? 100 : 1000 }];
    await storeBackup(deps.vault, { id, database: 'orders', at: at(day), data: randomBytes(2 ** 20), counts });
  }
  const elsewhere = state();
  const result = await reindex({ platform, actor }, { ...deps, db: elsewhere });
  expect(result).toMatchObject({ found: { good: 4, incomplete: 1, damaged: 0 }, lost: [], warnings: [] });
  const rebuilt = new BackupCatalog(elsewhere);
  expect(rebuilt.get('b-3')).toMatchObject({
    timestamp: at(1),
    rows: 1000,
    retention: { held: expect.stringContaining('public.t shrank') },
  });
  expect(rebuilt.counts('b-4')).toEqual([{ name: 'public.t', rows: 100 }]);
  await reindex({ platform, actor }, deps);
  expect(
    catalog
      .list()
      .map(({ id, status }) => `${id} ${status}`)
      .sort(),
  ).toEqual(['b-1 good', 'b-2 good', 'b-3 good', 'b-4 good', 'b-killed incomplete']);
});

test('the second vault gets what counts, once', async () => {
  const first = await copyVault({ actor }, deps);
  expect(first).toMatchObject({ copied: 8, backups: ['b-1', 'b-2', 'b-3', 'b-4'] });
  expect(await copyVault({ actor }, deps)).toMatchObject({ copied: 0 });
  expect(catalog.get('b-1')?.copiedAt).toBe(now.toISOString());
  // From the copy alone, on a third machine.
  const db = state();
  expect((await reindex({ platform, actor }, { ...deps, db, vault: deps.copy })).found).toEqual({
    good: 4,
    incomplete: 0,
    damaged: 0,
  });
});

test('backups are checked: presence, structure, and all data in rotation', async () => {
  const first = await verifyVault({ platform, actor }, deps);
  // Half of the vault was read: no reason to say of any backup that its data is whole.
  expect(catalog.get('b-2')?.integrity.data).toMatchObject({
    result: 'partial',
    detail: expect.stringMatching(/^\d+ of \d+ packs read, 1 of 2 parts of the vault since this backup was stored$/),
  });
  const runs = [first, await verifyVault({ platform, actor }, deps), await verifyVault({ platform, actor }, deps)];
  expect(runs.map(({ ok, vaults }) => [ok, ...vaults.map(({ part }) => `${part.n}/${part.of}`)])).toEqual([
    [true, '1/2', '1/2'],
    [true, '2/2', '2/2'],
    [true, '1/2', '1/2'],
  ]);
  expect(catalog.get('b-2')?.integrity).toMatchObject({
    presence: { result: 'pass', at: now.toISOString() },
    structure: { result: 'pass' },
    data: { result: 'pass', detail: expect.stringMatching(/2 of 2 parts of the vault since this backup was stored$/) },
  });
});

test('a removal that fails leaves the backups as they were', async () => {
  catalog.update('b-killed', () => ({ startedAt: at(4) }));
  const before = catalog.list().map(({ id, status, failure }) => ({ id, status, failure }));
  const stored = await deps.vault.list();
  const absent = await openVaultAt('not-there');
  const failing = prune({ platform, actor, dryRun: false }, { ...deps, copy: absent });
  await expect(failing).rejects.toMatchObject({ code: 'vault-absent' });
  expect(await deps.vault.list()).toEqual(stored);
  const after = catalog.list().map(({ id, status, failure }) => ({ id, status, failure }));
  const good = ({ status }: { status: string }) => status === 'good';
  expect(after.filter(good)).toEqual(before.filter(good));
  expect(after.find(({ id }) => id === 'b-killed')?.status).toBe('incomplete');
});

test('retention removes what its plan says, from both vaults, and nothing else', async () => {
  await deps.vault.putFiles({ item: 'report', database: 'orders', id: 'd-1' }, { 'report.json': '{}' });
  await deps.vault.putFiles({ item: 'state', database: 'orders', id: 's-1' }, { 'state.txt': 'x' });
  const request = { platform, actor, dryRun: true };
  const preview = await prune(request, deps);
  expect(preview.plan.rows.map(({ backup, keep }) => `${backup.id} ${keep ? 'stays' : 'goes'}`).sort()).toEqual([
    'b-1 goes',
    'b-2 goes',
    'b-3 stays',
    'b-4 stays',
    'b-killed goes',
  ]);
  expect(await idsOf(deps.vault)).toHaveLength(7);

  const shown: number[] = [];
  const drillsOf = (id: string) => (id === 'b-1' ? ['d-1'] : []);
  const result = await prune(
    { ...request, dryRun: false },
    { ...deps, drillsOf, onPlan: ({ rows }) => shown.push(rows.length) },
  );
  expect(shown).toEqual([5]);
  expect([...result.removed].sort()).toEqual(['b-1', 'b-2', 'b-killed']);
  expect(result.freedBytes).toBeGreaterThan(2 * 2 ** 20);
  expect((await idsOf(deps.vault)).sort()).toEqual(['b-3', 'b-4', 's-1']);
  expect((await idsOf(deps.copy)).sort()).toEqual(['b-3', 'b-4']);
  expect(
    catalog
      .list()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(['b-3', 'b-4']);
  expect((await prune({ ...request, dryRun: false }, deps)).removed).toEqual([]);
});

test('damage is found, named, and healed when the data reads well again', async () => {
  const stored = await deps.vault.list();
  const packs = (await readdir(join(root, 'vault', 'data'), { recursive: true, withFileTypes: true })).filter((one) =>
    one.isFile(),
  );
  const sized = await Promise.all(
    packs.map(async ({ parentPath, name }) => ({
      path: join(parentPath, name),
      size: (await stat(join(parentPath, name))).size,
    })),
  );
  const victim = sized.sort((a, b) => b.size - a.size)[0]?.path ?? '';
  const flip = async () => {
    const handle = await open(victim, 'r+');
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, 400_000);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await handle.write(byte, 0, 1, 400_000);
    await handle.close();
  };
  await flip();
  const everything = {
    ...platform,
    backup: platform.backup && { ...platform.backup, integrity: { ...platform.backup.integrity, parts: 1 } },
  };
  const found = await verifyVault({ platform: everything, actor }, deps);
  expect(found).toMatchObject({ ok: false, damaged: [expect.stringMatching(/^b-[34]$/)] });
  const [damaged = ''] = found.damaged;
  expect(catalog.get(damaged)).toMatchObject({
    status: 'damaged',
    integrity: { structure: { result: 'fail' }, data: { result: 'fail' } },
  });
  expect(catalog.list({ status: ['good'] })).toHaveLength(1);

  await flip();
  expect(await verifyVault({ platform, actor, backup: damaged }, deps)).toMatchObject({ ok: true, damaged: [] });
  expect(catalog.get(damaged)).toMatchObject({ status: 'good', failure: null });

  await deps.vault.remove(
    stored.filter(({ id, item }) => id === 'b-4' && item === 'dump').map(({ snapshot }) => snapshot),
  );
  expect(await verifyVault({ platform, actor }, deps)).toMatchObject({ ok: false, damaged: ['b-4'] });
  expect(catalog.get('b-4')).toMatchObject({
    status: 'damaged',
    integrity: { presence: { result: 'fail', detail: 'its dump is not in the vault' } },
  });
});

test('every privileged action is on record', () => {
  const actions = new Set(listOperations(deps.db, 100).map(({ action }) => action));
  expect([...actions].sort()).toEqual(['backup.prune', 'backup.reindex', 'backup.verify', 'vault.copy', 'vault.init']);
});

test('retention, verification and the copy each run once at a time', async () => {
  const works = [
    ['retention', () => prune({ platform, actor, dryRun: false }, deps)],
    ['verification of the vault', () => verifyVault({ platform, actor }, deps)],
    ['copy of the vault', () => copyVault({ actor }, deps)],
  ] as const;
  for (const [name, begin] of works) {
    const work = begin();
    expect(() => acquireLock(deps.db, name)).toThrow(expect.objectContaining({ code: 'busy' }));
    await work;
    acquireLock(deps.db, name).release();
  }
});

test('a vault that vanished is not replaced by an empty one unless that is asked for', async () => {
  const vault = await openVaultAt('unmounted');
  const { copy: _, ...alone } = deps;
  const gone = { ...alone, vault };
  await expect(initVault({ platform, actor, anew: false }, gone)).rejects.toMatchObject({ code: 'vault-gone' });
  await expect(vault.list()).rejects.toMatchObject({ code: 'vault-absent' });
  expect((await initVault({ platform, actor, anew: true }, gone)).vaults.map(({ created }) => created)).toEqual([true]);
});
