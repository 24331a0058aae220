import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../../test/support/postgres.ts';
import { copyRoles, dump, proveCopy, restore } from '../../../test/support/proving.ts';
import { proofSchema } from '../schema.ts';

let source: TestServer;
let target: TestServer;
let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'socle-not-compared-'));
  [source, target] = await Promise.all([startPostgres(), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  rmSync(work, { recursive: true, force: true });
});

/** The proof of a dump of what `sql` makes, after `damage` was done to the copy. */
async function proofOf(sql: string, { deep = true, damage = '', passwords = false } = {}) {
  const name = await source.createDatabase('seen');
  await source.sql(sql, name);
  const dumped = await dump(source, name, work, deep, passwords);
  await copyRoles(source, target);
  const copy = await restore(target, dumped, name);
  if (damage !== '') await target.sql(damage, copy);
  return proofSchema.parse(await proveCopy(target, dumped, copy, work));
}

const hours = `CREATE FUNCTION hh(timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT to_char($1,'YYYY-MM-DD HH24')$$;
  CREATE TABLE g(id int PRIMARY KEY, ts timestamptz, h text GENERATED ALWAYS AS (hh(ts)) STORED,
    twice int GENERATED ALWAYS AS (id * 2) STORED);`;
const inTokyo = `${hours} SET TimeZone='Asia/Tokyo'; INSERT INTO g VALUES (1,'2026-01-01 01:00+00')`;

test('a generated column that the restore computes differently is named after a deep backup', async () => {
  const proof = await proofOf(inTokyo);
  expect(proof.differences).toMatchObject([
    { kind: 'rows', object: 'public.g', problem: 'changed', column: 'h', property: 'generated: hash of the source' },
  ]);
  expect(proof.tables[0]).toMatchObject({ result: 'identical', source: 'identical', generated: ['h'] });
  expect(proof.level).toBe('identical-to-artifact');
});

test('generated columns that agree are compared, and the report has nothing to say of them', async () => {
  const proof = await proofOf(`${hours} INSERT INTO g VALUES (1,'2026-01-01 01:00+00'), (2, NULL)`);
  expect(proof).toMatchObject({ level: 'identical-to-source', differences: [] });
  expect(proof.notCompared.map(({ what }) => what)).not.toContainEqual(expect.stringMatching(/generated/));
});

test('without the hashes of the source, generated columns are said not to be compared', async () => {
  const proof = await proofOf(inTokyo, { deep: false });
  expect(proof).toMatchObject({ level: 'identical-to-artifact', differences: [] });
  expect(proof.notCompared.map(({ what }) => what)).toEqual([
    'rows on the source itself',
    'generated columns public.g.h, public.g.twice',
    'password hashes of roles',
    expect.stringContaining('planner statistics'),
  ]);
});

const view = `CREATE TABLE t AS SELECT generate_series(1, 10) AS n;
  CREATE MATERIALIZED VIEW small AS SELECT n FROM t WHERE n < 5;`;

test('a materialized view that is stale on the source is said to differ, and nothing is claimed about why', async () => {
  const proof = await proofOf(`${view} INSERT INTO t VALUES (0)`);
  expect(proof).toMatchObject({ level: 'identical-to-source', differences: [] });
  expect(proof.notes).toEqual([
    expect.stringMatching(/public\.small holds other rows than on the source.*what its query gives\. Either.*or/s),
  ]);
  expect(proof.notCompared.map(({ what }) => what)).toContain('contents of materialized views public.small');
});

test('one whose copy is not what its own query gives is a difference', async () => {
  const damage = `DELETE FROM t WHERE n = 3; REFRESH MATERIALIZED VIEW small; INSERT INTO t VALUES (3)`;
  expect((await proofOf(view, { damage })).differences).toMatchObject([
    { kind: 'rows', object: 'public.small', problem: 'changed', property: 'not what its own query gives' },
  ]);
});

test('one that depends on the moment is no difference, and its note says what can be known', async () => {
  const proof = await proofOf(`CREATE MATERIALIZED VIEW moment AS SELECT clock_timestamp() AS at`);
  expect(proof).toMatchObject({ level: 'identical-to-source', differences: [] });
  expect(proof.notes).toEqual([expect.stringMatching(/public\.moment.*at another moment/s)]);
});

test('without the hashes of the source, contents of materialized views are said not to be compared', async () => {
  const proof = await proofOf(view, { deep: false });
  expect(proof.notCompared.map(({ what }) => what)).toContain('contents of materialized views public.small');
});

test('password hashes that are kept are compared, and never shown', async () => {
  const made = `CREATE ROLE keeper LOGIN PASSWORD 'a'; CREATE ROLE bare LOGIN`;
  const proof = await proofOf(made, { passwords: true });
  expect(proof).toMatchObject({ level: 'identical-to-source', differences: [] });
  expect(JSON.stringify(proof.notCompared)).not.toContain('password');
  const other = await proofOf('SELECT 1', {
    passwords: true,
    damage: `ALTER ROLE keeper PASSWORD 'b'; ALTER ROLE bare PASSWORD 'c'`,
  });
  expect(other.differences).toMatchObject([
    { kind: 'role', object: 'bare', property: 'password', expected: null, found: null },
    { kind: 'role', object: 'keeper', property: 'password', expected: null, found: null },
  ]);
});

test('options of subscriptions are compared', async () => {
  const made = `CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE, binary = true)`;
  const damage = `ALTER SUBSCRIPTION sub SET (binary = false, streaming = true, disable_on_error = true)`;
  const proof = await proofOf(made, { damage });
  expect(proof.differences.map(({ kind, property }) => `${kind} ${property}`).sort()).toEqual([
    'subscription binary',
    'subscription disableOnError',
    'subscription streaming',
  ]);
  expect(proof.notCompared.map(({ what }) => what)).toContain('connections of subscriptions, and whether they run');
});

test('what a person adds to a table of an extension is in no dump, and the report says so', async () => {
  const proof = await proofOf(`CREATE EXTENSION hstore; CREATE TABLE settings (name text);
    ALTER EXTENSION hstore ADD TABLE settings; CREATE INDEX ON settings (name)`);
  expect(proof.notCompared.map(({ what }) => what)).toContainEqual(
    'indexes, triggers, policies and columns that were added to public.settings',
  );
});
