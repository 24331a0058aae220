import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { atStep, type BackupBench, makeBackupBench, nameOf, quiet } from '../../test/support/backup-bench.ts';
import { descendants } from '../../test/support/children.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { listOperations } from '../governance/operations.ts';
import { systemClock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { BackupCatalog } from './catalog.ts';
import { markInterrupted, withoutManifest } from './leftovers.ts';
import { releaseBackup } from './release.ts';
import { runBackup } from './run.ts';
import type { Vault } from './vault.ts';

let server: TestServer;
let bench: BackupBench;
let database: string;
let catalog: BackupCatalog;

beforeAll(async () => {
  [server, bench] = await Promise.all([startPostgres(), makeBackupBench()]);
  catalog = new BackupCatalog(bench.db);
  database = await server.createDatabase('faulty');
  await server.sql(
    `CREATE TABLE big AS SELECT i AS id, md5(i::text) || md5((i + 1)::text) AS filler FROM generate_series(1, 300000) i;
     CREATE TABLE other (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    database,
  );
});
afterAll(async () => {
  await server?.stop();
  await bench?.dispose();
});

interface Options {
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  readonly vault?: Vault;
  readonly lock_timeout?: string;
}

function backUp({ progress = quiet, signal, vault, ...options }: Options = {}) {
  const deps = bench.deps({ progress, ...(signal ? { signal } : {}) });
  return runBackup(
    {
      platform: bench.platform(server, [database], options),
      database: nameOf(database),
      deep: false,
      actor: 'cli:test',
    },
    { ...deps, vault: vault ?? deps.vault },
  );
}

/** Private fields need the vault itself. */
const methods = ['init', 'upload', 'putFiles', 'list', 'survey', 'unlockStale', 'read'] as const;

const running = async (program: string) => (await descendants()).filter(({ name }) => name === program);

async function kill(program: string) {
  for (const { pid } of await running(program)) process.kill(pid, 'SIGKILL');
}

/** Calls `act` once, in the middle of the dump. */
function midway(act: () => void): Progress {
  let dumping = false;
  let done = false;
  return {
    note: () => {},
    step: (text) => {
      dumping = text.startsWith('dumping');
    },
    update: (bytes) => {
      if (!dumping || done || bytes < 2_000_000) return;
      done = true;
      act();
    },
  };
}

/** Nothing in the vault counts, and the catalog says how the newest backup ended. */
async function expectNothingThatCounts(code: string | RegExp) {
  const [newest] = catalog.list({ limit: 1 });
  expect(newest?.status).toMatch(/^(failed|incomplete)$/);
  expect(newest?.failure?.code).toMatch(code);
  const manifests = (await bench.vault.list()).filter(({ item }) => item === 'manifest').map(({ id }) => id);
  const good = catalog.list({ status: ['good'] }).map(({ id }) => id);
  expect(manifests.sort()).toEqual(good.sort());
  expect(await running('pg_dump')).toEqual([]);
  // A server ends the session of a client that is gone when it next looks.
  const sessions = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'socle'`;
  await vi.waitFor(async () => expect((await server.sql(sessions)).rows).toEqual([{ n: 0 }]), { timeout: 20_000 });
}

test('a pg_dump that is killed leaves no backup that counts', async () => {
  await expect(backUp({ progress: midway(() => void kill('pg_dump')) })).rejects.toMatchObject({
    code: 'dump-failed',
    details: { exitCode: 137 },
  });
  await expectNothingThatCounts('dump-failed');
});

test('a restic that is killed leaves no backup that counts', async () => {
  await expect(backUp({ progress: midway(() => void kill('restic')) })).rejects.toMatchObject({
    code: expect.stringMatching(/^vault-/),
  });
  await expectNothingThatCounts(/^vault-/);
});

test('a PostgreSQL that restarts in the middle of a dump leaves no backup that counts', async () => {
  let restarted: Promise<void> | undefined;
  const progress = midway(() => {
    restarted = server.restart('immediate');
  });
  await expect(backUp({ progress })).rejects.toMatchObject({ code: expect.stringMatching(/^(dump-failed|database-)/) });
  await restarted;
  await expectNothingThatCounts(/^(dump-failed|database-)/);
});

test('an interrupted backup stops at once and says so', async () => {
  const controller = new AbortController();
  await expect(backUp({ progress: midway(() => controller.abort()), signal: controller.signal })).rejects.toMatchObject(
    { code: 'interrupted' },
  );
  await expectNothingThatCounts('interrupted');
});

test('bytes that come back changed from the vault are noticed', async () => {
  const changed = (...args: Parameters<Vault['read']>) => {
    const out = new PassThrough();
    let first = true;
    bench.vault
      .read(...args)
      .on('data', (chunk: Buffer) => {
        if (first) chunk[chunk.length - 1] = (chunk[chunk.length - 1] ?? 0) ^ 1;
        first = false;
        out.write(chunk);
      })
      .on('end', () => out.end());
    return out;
  };
  const tampering: Vault = Object.create(bench.vault, { read: { value: changed }, readAtOnce: { value: changed } });
  for (const method of methods.filter((name) => name !== 'read')) {
    Object.defineProperty(tampering, method, { value: bench.vault[method].bind(bench.vault) });
  }
  await expect(backUp({ vault: tampering })).rejects.toMatchObject({ code: 'read-back-differs' });
  await expectNothingThatCounts('read-back-differs');
  expect(catalog.list({ limit: 1 })[0]?.status).toBe('incomplete');
});

test('what a prune hides from the first reading is read again, with a lock', async () => {
  let tries = 0;
  const hiding: Vault = Object.create(bench.vault, {
    readAtOnce: {
      value: () => {
        tries += 1;
        const cut = new PassThrough();
        cut.write('half of it');
        queueMicrotask(() => cut.destroy(fail('vault-damaged', 'a pack is gone')));
        return cut;
      },
    },
  });
  for (const method of methods) Object.defineProperty(hiding, method, { value: bench.vault[method].bind(bench.vault) });
  expect((await backUp({ vault: hiding })).status).toBe('good');
  expect(tries).toBe(1);
});

test('a locked table is waited for as long as allowed, and who holds it is named', async () => {
  const blocker = await server.connect(database);
  await blocker.query(`SET application_name = 'nightly job'; BEGIN; LOCK TABLE other IN ACCESS EXCLUSIVE MODE`);
  try {
    await expect(backUp({ lock_timeout: '500ms' })).rejects.toMatchObject({
      code: 'database-locked',
      message: expect.stringMatching(/public\.other by process \d+ of postgres \(nightly job\)/),
    });
  } finally {
    await blocker.end();
  }
  await expectNothingThatCounts('database-locked');
});

test('a schema that changes while the dump begins is dumped again, so that inventory and archive agree', async () => {
  const other = await server.connect(database);
  const notes: string[] = [];
  let changes = 0;
  const progress = atStep(
    'dumping',
    () => {
      changes += 1;
      if (changes === 1) void other.query(`CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'`);
    },
    { note: (text) => notes.push(text) },
  );
  const backup = await backUp({ progress });
  await other.end();
  expect(backup).toMatchObject({ status: 'good', failure: null });
  expect(changes).toBe(2);
  expect(notes.join()).toContain('pg_proc');
});

test('one database is backed up once at a time', async () => {
  const first = backUp();
  await expect(backUp()).rejects.toMatchObject({ code: 'busy', details: { holder: process.pid } });
  expect((await first).status).toBe('good');
});

test('a table that lost most of its rows is a warning, and the backup before it is held', async () => {
  const before = await backUp();
  await server.sql('CREATE TABLE kept AS TABLE big; DELETE FROM big WHERE id > 1000', database);
  const after = await backUp();
  expect(after.status).toBe('good');
  expect(after.warnings).toContainEqual(
    `public.big shrank from 300000 to 1000 rows since backup ${before.id}, which is kept until \`socle backup release ${before.id}\``,
  );
  expect(catalog.get(before.id)?.retention.held).toContain('public.big shrank');
  const release = () => releaseBackup({ id: before.id, actor: 'cli:test' }, { db: bench.db, clock: systemClock });
  expect((await release()).retention.held).toBeNull();
  expect(listOperations(bench.db)[0]).toMatchObject({ action: 'backup.release', subject: before.id, result: 'ok' });
  await expect(release()).rejects.toMatchObject({ code: 'usage', message: `${before.id} is not held` });
  await server.sql('INSERT INTO big SELECT * FROM kept WHERE id > 1000; DROP TABLE kept', database);
});

test('a table attached to an extension is missing from the archive: the backup is incomplete and names it', async () => {
  await server.sql(
    'CREATE EXTENSION hstore; CREATE TABLE lost AS SELECT 1 AS a; ALTER EXTENSION hstore ADD TABLE lost',
    database,
  );
  await server.sql('CREATE TABLE later (a int)', database);
  await server.sql('ALTER EXTENSION hstore ADD TABLE later', database);
  const backup = await backUp();
  expect(backup.status).toBe('incomplete');
  expect(backup.missing).toEqual([
    expect.stringMatching(/^table public\.later with 0 rows: /),
    expect.stringMatching(/^table public\.lost with 1 row: /),
  ]);
  await server.sql('DROP EXTENSION hstore CASCADE', database);
});

test('kill -9 of Socle itself: the truncated dump that restic keeps never counts, and is marked at the next start', async () => {
  const child = spawn(
    process.execPath,
    [
      new URL('../../test/support/run-backup.ts', import.meta.url).pathname,
      JSON.stringify(bench.source(server, [database])),
      `${bench.directory}/state.db`,
      `${bench.directory}/cache`,
      nameOf(database),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of child.stdout.setEncoding('utf8')) if (/^bytes \d{7,}/m.test(line)) break;
  child.kill('SIGKILL');
  await once(child, 'exit');
  const [interrupted] = catalog.list({ limit: 1 });
  expect(interrupted?.status).toBe('running');
  await expect
    .poll(async () => withoutManifest(await bench.vault.list()).map(({ id }) => id), { timeout: 30_000 })
    .toContain(interrupted?.id);

  const next = await backUp();
  expect(next.status).toBe('good');
  expect(catalog.get(interrupted?.id ?? '')).toMatchObject({ status: 'incomplete', failure: { code: 'interrupted' } });
  expect(markInterrupted(bench.db, { now: () => new Date(), monotonic: () => 0 })).toEqual([]);
});

/** A file system of its own for the vault needs root; a user sees this test skipped. */
test.skipIf(process.getuid?.() !== 0)('a disk that is full leaves no backup that counts', async () => {
  const small = await makeBackupBench({ sizeOfVault: '2m' });
  try {
    const request = {
      platform: small.platform(server, [database]),
      database: nameOf(database),
      deep: false,
      actor: 'cli:test',
    };
    await server.sql(
      `CREATE TABLE noise AS SELECT sha512(i::text::bytea) || sha512((-i)::text::bytea) AS bytes FROM generate_series(1, 60000) i`,
      database,
    );
    await expect(runBackup(request, small.deps())).rejects.toMatchObject({ code: expect.stringMatching(/^vault-/) });
    expect(new BackupCatalog(small.db).list()[0]).toMatchObject({ status: 'failed' });
    expect((await small.vault.list()).filter(({ item }) => item === 'manifest')).toEqual([]);
  } finally {
    await small.dispose();
  }
});
