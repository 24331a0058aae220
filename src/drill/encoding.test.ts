import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import { runDrill } from './run.ts';

let source: TestServer;
let bench: BackupBench;
let scratch: string;

beforeAll(async () => {
  [source, bench, scratch] = await Promise.all([
    startPostgres(),
    makeBackupBench(),
    mkdtemp(join(tmpdir(), 'socle-encodings-')),
  ]);
  await source.sql('CREATE ROLE "émile"');
});
afterAll(async () => {
  await source?.stop();
  bench?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

/** The name of a role belongs to the server: in a database of another encoding, its bytes are other letters. */
const owned = `CREATE TABLE "café" (id int PRIMARY KEY, "näme" text); INSERT INTO "café" VALUES (1, 'é');
  DO $$ DECLARE r text := (SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE '%mile');
  BEGIN EXECUTE format('ALTER TABLE "café" OWNER TO %s', r); END $$`;

test.each([
  { encoding: 'LATIN1', more: '' },
  { encoding: 'SQL_ASCII', more: '' },
  { encoding: 'LATIN1', more: '; CREATE ROLE "zoé"; GRANT SELECT ON "café" TO "zoé"' },
])('a database in $encoding with a role of other letters is backed up and proven$more', async ({ encoding, more }) => {
  const name = await source.createDatabase('letters');
  await source.sql(`DROP DATABASE ${name}`);
  await source.sql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`);
  await source.sql(owned + more, name);
  const made = bench.platform(source, [name]);
  const platform = { ...made, drill: { ...made.drill, scratch, limits: { ...made.drill.limits, reserve: 0 } } };
  const backup = await runBackup({ platform, database: nameOf(name), deep: true, actor: 'cli:test' }, bench.deps());
  const asked = { platform, backup: backup.id, deep: true, showValues: false, actor: 'cli:test' };
  const report = await runDrill(asked, bench.deps());
  expect(report.failure).toBeNull();
  expect(report).toMatchObject({ verdict: 'proven', level: 'identical-to-source' });
});

/** PostgreSQL's own programs cannot read such a server: the name is no text in UTF-8 (the role was made from LATIN1 above). */
test.each(['UTF8', 'SQL_ASCII'])(
  'a role whose name is no UTF-8 is named before anything is stored, from %s',
  async (encoding) => {
    const name = await source.createDatabase('letters');
    await source.sql(`DROP DATABASE ${name}`);
    await source.sql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`);
    const platform = bench.platform(source, [name]);
    await expect(
      runBackup({ platform, database: nameOf(name), deep: true, actor: 'cli:test' }, bench.deps()),
    ).rejects.toMatchObject({ code: 'database-encoding' });
  },
);
