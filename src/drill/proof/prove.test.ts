import { rmSync } from 'node:fs';
import { mkdtemp, readdir, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../../test/support/postgres.ts';
import { type Dumped, dump, dumpAs, proveCopy, restore } from '../../../test/support/proving.ts';
import { asRestored } from '../../../test/support/restored.ts';
import { silent } from '../../kernel/progress.ts';
import { proofSchema } from '../schema.ts';
import { prove } from './prove.ts';

let source: TestServer;
let target: TestServer;
let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'socle-prove-'));
  [source, target] = await Promise.all([startPostgres(), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  rmSync(work, { recursive: true, force: true });
});

/** A database made of `sql`, dumped and restored. */
async function copied(sql: string, create?: string): Promise<{ dumped: Dumped; copy: string }> {
  const name = await source.createDatabase('proven');
  if (create) {
    await source.sql(`DROP DATABASE ${name}`);
    await source.sql(`CREATE DATABASE ${name} TEMPLATE template0 ${create}`);
  }
  await source.sql(sql, name);
  const dumped = await dump(source, name, work);
  return { dumped, copy: await restore(target, dumped, name) };
}

const proofOf = async ({ dumped, copy }: { dumped: Dumped; copy: string }, showValues = false) =>
  proofSchema.parse(await proveCopy(target, dumped, copy, work, showValues));

test('an empty database is proven, and nothing is left behind', async () => {
  const proof = await proofOf(await copied('SELECT 1'));
  expect(proof).toMatchObject({ level: 'identical-to-source', tables: [], differencesTotal: 0 });
  expect((await readdir(work)).filter((name) => name.startsWith('proof-'))).toEqual([]);
  expect((await target.sql(`SELECT 1 FROM pg_database WHERE datname LIKE 'socle%'`)).rows).toEqual([]);
});

test('order of rows, order of columns and the spelling of a check may differ, and are said', async () => {
  const made = await copied(`
      CREATE TABLE loose (id int PRIMARY KEY, v text) WITH (fillfactor = 40);
      INSERT INTO loose SELECT i, repeat('x', i) FROM generate_series(1, 400) i;
      CREATE TABLE parent (a int); CREATE TABLE child (b text) INHERITS (parent);
      ALTER TABLE parent ADD COLUMN c int DEFAULT 3; INSERT INTO child (a, b) VALUES (1, 'x'), (2, 'y');
      CREATE TABLE spelled (status varchar(9) CHECK (status IN ('a', 'b'))); INSERT INTO spelled VALUES ('a')`);
  // The same rows, elsewhere: what COPY does when it fills the free space of earlier pages.
  await target.sql('UPDATE loose SET v = v WHERE id % 7 = 0', made.copy);
  const proof = await proofOf(made);
  expect(proof).toMatchObject({ level: 'identical-to-source', differences: [] });
  expect(proof.tables.map(({ name, method, result }) => [name, method, result])).toEqual([
    ['public.child', 'multiset', 'identical'],
    ['public.loose', 'multiset', 'identical'],
    ['public.parent', 'stream', 'identical'],
    ['public.spelled', 'stream', 'identical'],
  ]);
  expect(proof.respelled).toEqual([{ kind: 'constraint', object: 'public.spelled.spelled_status_check' }]);
});

test('rows are named by harmless keys only, and values are shown only when asked for', async () => {
  const made = await copied(`
    CREATE TABLE person (email text PRIMARY KEY, born date);
    INSERT INTO person VALUES ('a@example.org', '1990-01-01'), ('b@example.org', '1991-01-01');
    CREATE TABLE pair (a int, b uuid, v text, PRIMARY KEY (a, b));
    INSERT INTO pair VALUES (1, '00000000-0000-0000-0000-000000000001', NULL)`);
  await target.sql(
    `UPDATE person SET born = '1992-02-02' WHERE email LIKE 'b%'; UPDATE pair SET v = 'shown'`,
    made.copy,
  );
  const proof = await proofOf(made);
  expect(proof.level).toBe('restored');
  expect(
    proof.differences.map(({ object, row, column, expected, found }) => [object, row, column, expected, found]),
  ).toEqual([
    ['public.pair', 'a=1, b=00000000-0000-0000-0000-000000000001', 'v', null, null],
    ['public.person', 'row 2', 'born', null, null],
  ]);
  expect(JSON.stringify(proof)).not.toMatch(/example|shown|1992/);
  const open = await proofOf(made, true);
  expect(open.differences.map(({ expected, found }) => [expected, found])).toEqual([
    ['\\N', 'shown'],
    ['1991-01-01', '1992-02-02'],
  ]);
});

test('200 differences are named and all are counted', async () => {
  const made = await copied(`CREATE TABLE t (id int PRIMARY KEY, a int, b int);
    INSERT INTO t SELECT i, i, i FROM generate_series(1, 3000) i; CREATE TABLE keyless (a int);
    INSERT INTO keyless SELECT generate_series(1, 1000)`);
  await target.sql(
    `UPDATE t SET a = 0, b = 0 WHERE id <= 500; DELETE FROM t WHERE id > 2990; INSERT INTO t VALUES (0, 1, 1);
     UPDATE keyless SET a = a + 5000 WHERE a <= 300`,
    made.copy,
  );
  const proof = await proofOf(made);
  expect(proof.differences).toHaveLength(200);
  expect(proof.differencesTotal).toBe(2 * 500 + 10 + 1 + 2 * 300);
  expect(proof.checks.find(({ name }) => name === 'rows')?.differences).toBe(proof.differencesTotal);
  expect(proof.level).toBeNull();
});

test.each([
  ['LATIN1', "ENCODING 'LATIN1' LOCALE 'C'"],
  ['SQL_ASCII', "ENCODING 'SQL_ASCII' LOCALE 'C'"],
  ['EUC_JP', "ENCODING 'EUC_JP' LOCALE 'C'"],
])('a database in %s is compared byte by byte', async (encoding, create) => {
  const letter = encoding === 'EUC_JP' ? '\u3042' : '\u00e9';
  const made = await copied(
    `CREATE TABLE "t${letter}" ("id${letter}" int PRIMARY KEY, "v${letter}" text);
     INSERT INTO "t${letter}" VALUES (1, '${letter}'), (2, '\\.'), (3, E'a\\r\\nb\\\\')`,
    create,
  );
  expect(await proofOf(made)).toMatchObject({ level: 'identical-to-source', differences: [] });
  await target.sql(`UPDATE "t${letter}" SET "v${letter}" = '${letter}${letter}' WHERE "id${letter}" = 1`, made.copy);
  expect((await proofOf(made)).differences).toMatchObject([
    { kind: 'rows', object: `public."t${letter}"`, row: `id${letter}=1`, column: `v${letter}`, problem: 'changed' },
  ]);
});

test('what pg_dump left out is found by counts, by the list of tables and by the hashes of the source', async () => {
  const name = await source.createDatabase('lied');
  await source.sql(
    `CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2); CREATE TABLE left_out (id int);
     INSERT INTO left_out VALUES (1); CREATE TABLE changed (id int); INSERT INTO changed VALUES (7)`,
    name,
  );
  const whole = await dump(source, name, work);
  const partial = await dumpAs(source, name, work, ['--exclude-table-data=left_out']);
  await source.sql('DELETE FROM kept WHERE id = 2; UPDATE changed SET id = 8', name);
  const later = await dump(source, name, join(work, 'later'));

  await restore(target, later, 'later');
  const fewer = await proveCopy(target, { ...later, manifest: whole.manifest }, 'later', work);
  expect(fewer.level).toBeNull();
  expect(fewer.differences).toMatchObject([
    { kind: 'rows', object: 'public.kept', property: 'count', expected: '2', found: '1' },
    { kind: 'rows', object: 'public.changed', property: 'hash of the source' },
  ]);
  await restore(target, { ...whole, archive: partial }, 'partial');
  const without = await proveCopy(target, { ...whole, archive: partial }, 'partial', work);
  expect(without.level).toBeNull();
  expect(without.differences).toMatchObject([
    { kind: 'rows', object: 'public.left_out', property: 'not in the artifact' },
  ]);
});

test('settings of the database change neither the text that is compared nor stop the reading', async () => {
  const name = await source.createDatabase('set');
  await source.sql(
    `CREATE TABLE t (at timestamptz, b bytea, d date);
     INSERT INTO t VALUES ('2026-01-01 00:00+00', '\\x00ff', '2026-01-02'); ALTER TABLE t ADD c regclass; UPDATE t SET c = 't'`,
    name,
  );
  await source.sql(
    `ALTER DATABASE "${name}" SET timezone = 'Asia/Tokyo'; ALTER DATABASE "${name}" SET bytea_output = 'escape';
     ALTER DATABASE "${name}" SET default_transaction_read_only = on; ALTER DATABASE "${name}" SET datestyle = 'German';
     ALTER DATABASE "${name}" SET search_path = 'nowhere'; ALTER DATABASE "${name}" SET row_security = off`,
  );
  const dumped = await dump(source, name, work);
  await restore(target, dumped, name);
  const made = { dumped, copy: name };
  expect(await proofOf(made)).toMatchObject({ level: 'identical-to-source', differences: [] });
  await target.sql(`ALTER DATABASE "${name}" RESET ALL`);
  const proof = await proofOf(made);
  expect(new Set(proof.differences.map(({ kind }) => kind))).toEqual(new Set(['setting']));
  expect(proof.tables[0]).toMatchObject({ method: 'stream', result: 'identical' });
});

test('an archive that cannot be read says nothing about the copy: it is an error', async () => {
  const made = await copied('CREATE TABLE t AS SELECT generate_series(1, 20000) AS id');
  await truncate(made.dumped.archive, 30_000);
  await expect(proofOf(made)).rejects.toMatchObject({ code: 'command-failed', details: { program: 'pg_restore' } });
});

test('when it is interrupted, it stops and leaves nothing', async () => {
  const made = await copied('CREATE TABLE t AS SELECT generate_series(1, 100000) AS id');
  const stop = new AbortController();
  const restored = await asRestored(target);
  const proof = prove({
    manifest: made.dumped.manifest,
    archive: made.dumped.archive,
    restored: { server: restored, database: made.copy },
    reference: restored,
    workDirectory: work,
    jobs: 2,
    showValues: false,
    progress: { ...silent, update: () => stop.abort() },
    signal: stop.signal,
  });
  await expect(proof).rejects.toMatchObject({ code: 'interrupted' });
  expect((await readdir(work)).filter((name) => name.startsWith('proof-'))).toEqual([]);
});
