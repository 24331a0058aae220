import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { startRestServer } from '../../test/support/rest-server.ts';
import { BackupCatalog } from './catalog.ts';
import { prune } from './prune.ts';
import { reindex } from './reindex.ts';
import { runBackup } from './run.ts';
import { openVault } from './vault-open.ts';

let server: TestServer;
let bench: BackupBench;
const actor = 'cli:test';

beforeAll(async () => {
  [server, bench] = await Promise.all([startPostgres(), makeBackupBench()]);
});
afterAll(async () => {
  await server?.stop();
  await bench?.dispose();
});

test('a catalog that cannot be written after the commit makes no backup bad', async () => {
  const database = await server.createDatabase('noted');
  const platform = bench.platform(server, [database]);
  const request = { platform, database: nameOf(database), deep: false, actor };
  new BackupCatalog(bench.db);
  bench.db.exec(`CREATE TRIGGER full BEFORE INSERT ON backup_count BEGIN SELECT RAISE(ABORT, 'disk is full'); END`);
  await server.sql('CREATE TABLE t AS SELECT 1 AS n', database);
  const failure = await runBackup(request, bench.deps()).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'backup-not-noted',
    message: expect.stringMatching(/is good and in the vault; .*disk is full/),
    failure: { exit: 9 },
  });
  bench.db.exec('DROP TRIGGER full');
  const { found } = await reindex({ platform, actor }, bench.deps());
  expect(found).toEqual({ good: 1, incomplete: 0, damaged: 0 });
  expect(new BackupCatalog(bench.db).list().map(({ status }) => status)).toEqual(['good']);
});

test('a vault that only takes refuses retention, and every backup stays good', async () => {
  const database = await server.createDatabase('append_only');
  const rest = await startRestServer('password-of-rest', { appendOnly: true });
  try {
    writeFileSync(join(bench.directory, 'rest'), rest.password, { mode: 0o600 });
    const base = bench.platform(server, [database]);
    if (!base.backup) throw new Error('unreachable');
    const config = {
      ...base.backup.vault,
      repository: `rest:http://127.0.0.1:${rest.port}/vault/`,
      environment: {
        RESTIC_REST_USERNAME: { command: ['echo', rest.user] },
        RESTIC_REST_PASSWORD: { file: join(bench.directory, 'rest') },
      },
    };
    const vault = await openVault(config, {
      platform: base.name,
      cache: join(bench.directory, 'cache-2'),
      lockWait: 0,
    });
    await vault.init();
    const deps = { ...bench.deps(), vault };
    const one = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
    const platform = { ...base, backup: { ...base.backup, retention: one } };
    for (let made = 0; made < 2; made += 1) {
      expect((await runBackup({ platform, database: nameOf(database), deep: false, actor }, deps)).status).toBe('good');
    }
    const request = { platform, database: nameOf(database), actor, dryRun: false };
    await expect(prune(request, deps)).rejects.toMatchObject({
      code: 'vault-denied',
      message: expect.stringContaining('every backup is still there and good'),
      details: { next: expect.stringContaining('append-only on purpose') },
    });
    const known = new BackupCatalog(bench.db).list({ database: nameOf(database) });
    expect(known.map(({ status }) => status)).toEqual(['good', 'good']);
    expect((await vault.list()).filter(({ item }) => item === 'manifest')).toHaveLength(2);
    expect((await runBackup({ platform, database: nameOf(database), deep: false, actor }, deps)).status).toBe('good');
  } finally {
    await rest.stop();
  }
});
