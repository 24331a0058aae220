import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { killRounds } from '../../test/support/kill-rounds.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from './run.ts';

let server: TestServer;
let bench: BackupBench;

beforeAll(async () => {
  [server, bench] = await Promise.all([startPostgres(), makeBackupBench()]);
});
afterAll(async () => {
  await server?.stop();
  await bench?.dispose();
});

/** `make test-long` does 60 rounds; a failure is repeated with `SOCLE_SEED`. */
test('whatever is killed at whatever moment, only complete backups count, and the next one is good', async () => {
  const rounds = process.env.SOCLE_LONG === '1' ? 60 : 4;
  const seed = Number(process.env.SOCLE_SEED ?? Date.now() % 1_000_000);
  const database = await server.createDatabase('killed');
  await server.sql(
    `CREATE TABLE big AS SELECT i AS id, md5(i::text) || md5((i + 1)::text) AS filler FROM generate_series(1, 300000) i;
     SELECT lo_from_bytea(77, decode(repeat('ab', 100000), 'hex'))`,
    database,
  );
  const done = await killRounds(bench, server, database, seed, rounds);
  const shown = done.map(({ victim, moment, end, status }) => `${victim} at ${moment}: ended ${end}, ${status}`);
  process.stdout.write(`seed ${seed}, ${rounds} rounds\n${shown.join('\n')}\n`);

  const request = {
    platform: bench.platform(server, [database]),
    database: nameOf(database),
    deep: false,
    actor: 'cli:test',
  };
  expect((await runBackup(request, bench.deps())).status).toBe('good');
});
