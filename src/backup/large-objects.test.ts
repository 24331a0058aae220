import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type BackupBench, makeBackupBench } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { grantSql } from '../database/grant.ts';
import { start } from '../kernel/process.ts';
import { program } from '../kernel/program.ts';

let server: TestServer;
let bench: BackupBench;
const count = 50_000;

beforeAll(async () => {
  [server, bench] = await Promise.all([
    startPostgres({
      config: [
        // pg_dump before version 17 gives each large object an entry and a lock of its own.
        'max_locks_per_transaction = 6000',
        "shared_preload_libraries = 'pg_stat_statements'",
        'pg_stat_statements.track = all',
      ],
    }),
    makeBackupBench(),
  ]);
  await server.sql('CREATE ROLE socle_backup LOGIN');
});
afterAll(async () => {
  await server?.stop();
  await bench?.dispose();
});

/** Exit code of `socle backup run`, and the most memory that its process had, in MiB. */
async function peakOfBackup(database: string) {
  const file = join(bench.directory, `${database}.yaml`);
  const source = bench.source(server, [database], { user: 'socle_backup' }) as object;
  writeFileSync(file, stringify({ ...source, ops: { state: join(bench.directory, database) } }));
  const child = start(program, ['backup', 'run', '--deep', '--config', file], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      peak = Math.max(peak, Number(kilobytes ?? 0) / 1_024);
    } catch {
      // It has ended.
    }
  }, 10);
  const { exitCode } = await child.ended;
  clearInterval(timer);
  return { exitCode, peak };
}

async function makeDatabase(objects: number) {
  const database = await server.createDatabase('blobs');
  await server.sql(`SELECT lo_from_bytea(0, '\\x01') FROM generate_series(1, ${objects})`, database);
  return database;
}

test(`${count} large objects cost few statements, and our process little memory`, async () => {
  const [few, many] = [await makeDatabase(1), await makeDatabase(count)];
  await server.sql('CREATE EXTENSION pg_stat_statements', 'postgres');
  for (const database of [few, many]) {
    const [config] = bench.platform(server, [database], { user: 'socle_backup' }).databases;
    if (!config) throw new Error('unreachable');
    await server.sql(grantSql(config), database);
  }
  const { rows } = await server.sql(
    `SELECT coalesce(sum(calls), 0)::int AS grants FROM pg_stat_statements WHERE query ~ '^GRANT SELECT ON LARGE OBJECT'`,
  );
  expect(rows[0].grants).toBeGreaterThan(1);
  expect(rows[0].grants).toBeLessThanOrEqual(count / 1_000 + 3);

  const base = await peakOfBackup(few);
  const full = await peakOfBackup(many);
  expect([base.exitCode, full.exitCode]).toEqual([0, 0]);
  expect(base.peak).toBeGreaterThan(20);
  // It was 1.9 KB for each once, which is 95 MiB here.
  expect(full.peak - base.peak).toBeLessThan(50);
}, 300_000);
