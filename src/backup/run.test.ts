import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { createEveryKind } from '../../test/support/every-kind.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { grantSql } from '../database/grant.ts';
import { listOperations } from '../governance/operations.ts';
import { BackupCatalog } from './catalog.ts';
import { runBackup } from './run.ts';
import { type Manifest, manifestSchema } from './schema.ts';

let server: TestServer;
let bench: BackupBench;
let rich: string;

beforeAll(async () => {
  [server, bench] = await Promise.all([startPostgres(), makeBackupBench()]);
  rich = await createEveryKind(server);
});
afterAll(async () => {
  await server?.stop();
  await bench?.dispose();
});

async function manifestOf(id: string): Promise<Manifest> {
  const stored = (await bench.vault.list()).find((one) => one.item === 'manifest' && one.id === id);
  return manifestSchema.parse(JSON.parse(await text(bench.vault.read(stored?.snapshot ?? '', '/manifest.json'))));
}

const backUp = (database: string, options = {}, deep = false) =>
  runBackup(
    { platform: bench.platform(server, [database], options), database: nameOf(database), deep, actor: 'cli:test' },
    bench.deps(),
  );

test('a superuser backs up an object of every kind, and the manifest says what is in it', async () => {
  const backup = await backUp(rich, {}, true);
  expect(backup).toMatchObject({ status: 'good', missing: [], deep: true, failure: null });
  expect(new BackupCatalog(bench.db).get(backup.id)).toEqual(backup);

  const manifest = await manifestOf(backup.id);
  const archive = bench.vault.read(manifest.dump.snapshot, manifest.dump.path);
  const hash = createHash('sha256');
  for await (const chunk of archive) hash.update(chunk);
  expect(hash.digest('hex')).toBe(manifest.dump.sha256);
  expect(manifest.counts).toContainEqual({ name: 'shop.customers', rows: 500 });
  expect(manifest.fingerprints?.map(({ name }) => name)).toContain('large objects');
  expect(manifest.roles.passwords).toBe(false);
  expect(listOperations(bench.db, 1)[0]).toMatchObject({ action: 'backup.run', actor: 'cli:test', result: 'ok' });
});

test('without rights every object is named before anything is dumped; with the SQL of `database grant` all are read', async () => {
  await server.sql('CREATE ROLE socle_backup LOGIN');
  const before = (await bench.vault.list()).length;
  const denied = await backUp(rich, { user: 'socle_backup' }).then(
    () => undefined,
    (error) => error,
  );
  expect(denied).toMatchObject({ code: 'database-unreadable' });
  for (const part of ['schema shop', 'table shop.empty', 'rows of shop."Order Items"', 'large object 4242']) {
    expect(denied.details.unreadable.join('\n')).toContain(part);
  }
  expect((await bench.vault.list()).length).toBe(before);

  const [config] = bench.platform(server, [rich], { user: 'socle_backup' }).databases;
  if (!config) throw new Error('unreachable');
  await server.sql(grantSql(config), rich);
  await server.sql(grantSql(config), rich);
  await server.sql('SELECT lo_create(5555)', rich);
  const backup = await backUp(rich, { user: 'socle_backup' });
  expect(backup.status).toBe('incomplete');
  expect(backup.missing).toEqual([
    'subscription incoming',
    expect.stringContaining('options of the user mapping for PUBLIC on server elsewhere'),
  ]);
});

test('a vault that holds none of the backups that the catalog knows is a warning, once', async () => {
  const own = await makeBackupBench();
  onTestFinished(() => own.dispose());
  const database = await server.createDatabase('emptied');
  const request = {
    platform: own.platform(server, [database]),
    database: nameOf(database),
    deep: false,
    actor: 'cli:test',
  };
  const warned = expect.stringContaining('the vault does not hold the one good backup in the catalog: it was emptied');
  expect((await runBackup(request, own.deps())).warnings).not.toContainEqual(warned);
  expect((await runBackup(request, own.deps())).warnings).not.toContainEqual(warned);

  const [newest, oldest] = new BackupCatalog(own.db).list();
  new BackupCatalog(own.db).remove(oldest?.id ?? '');
  await own.vault.remove((await own.vault.list()).map(({ snapshot }) => snapshot));
  const backup = await runBackup(request, own.deps());
  expect(newest?.status).toBe('good');
  expect(backup).toMatchObject({ status: 'good', warnings: expect.arrayContaining([warned]) });
  expect((await runBackup(request, own.deps())).warnings).not.toContainEqual(warned);
});
