import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { countRows } from './counts.ts';
import { fingerprintLargeObjects, fingerprintTables } from './fingerprint.ts';
import { newestHeartbeat, writeHeartbeat } from './heartbeat.ts';
import { takeInventory } from './inventory.ts';
import { findUnreadable } from './preflight.ts';
import { type HashForm, rowHash, sumsOf } from './row-hash.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

async function within<T>(database: string, work: (client: pg.Client) => Promise<T>, user?: string): Promise<T> {
  const client = await server.connect(database, user);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Hash of the table `t` in a new database made by this SQL. */
async function hashOf(sql: string): Promise<string> {
  const name = await server.createDatabase('hash');
  await server.sql(sql, name);
  return within(name, async (client) => {
    const { relations } = await takeInventory(client);
    const [found] = await fingerprintTables(client, relations);
    expect((await countRows(client, relations))[0]?.rows).toBe(found?.rows);
    return found?.hash ?? '';
  });
}

const base = `CREATE TABLE t (a int, b text, c float8); INSERT INTO t VALUES (1, 'x', 'NaN'), (2, NULL, 0.1), (2, NULL, 0.1)`;

test('a hash does not depend on the order of rows or columns', async () => {
  const same = `CREATE TABLE t (c float8, b text, a int); INSERT INTO t (a, b, c) VALUES (2, NULL, 0.1), (1, 'x', 'NaN'), (2, NULL, 0.1)`;
  expect(await hashOf(same)).toBe(await hashOf(base));
});

test.each([
  ['a changed value', `UPDATE t SET c = 0.10000000000000002 WHERE c = 0.1`],
  ['an empty text for a null', `UPDATE t SET b = '' WHERE b IS NULL`],
  ['a row too many', `INSERT INTO t VALUES (2, NULL, 0.1)`],
  ['a row too few', `DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE a = 2 LIMIT 1)`],
  ['values that moved to another column', `UPDATE t SET b = '1', a = NULL WHERE a = 1`],
  ['values that moved to another row', `UPDATE t SET a = 3 - a WHERE ctid IN (SELECT min(ctid) FROM t GROUP BY a)`],
])('%s changes it', async (_what, change) => {
  expect(await hashOf(`${base}; ${change}`)).not.toBe(await hashOf(base));
});

test.each(['seeded', 'lanes'] as const)(
  'each row is evaluated once, by several processes at a time (%s)',
  async (form) => {
    const name = await server.createDatabase('plan');
    // Called as often as the server evaluates the text of a row; to the planner it is like any cast to text.
    const counted = `CREATE SEQUENCE calls; CREATE FUNCTION counted(t) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM nextval('calls'); RETURN $1::text; END$$`;
    await server.sql(
      `${base}; INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 20000) i; ANALYZE t; ${counted}`,
      name,
    );
    await within(name, async (client) => {
      const over = (text: string) => sumsOf(`SELECT ${rowHash(text)} FROM ONLY t`, form);
      expect((await client.query(over('counted(t)'))).rows[0]).toMatchObject({ n: '20003' });
      expect((await client.query(`SELECT nextval('calls') - 1 AS calls`)).rows).toEqual([{ calls: '20003' }]);
      await client.query('SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${over('ROW(t.a, t.b, t.c)::text')}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('Parallel Seq Scan on t');
    });
  },
);

test('a hash in the form of an earlier backup is the one that it had', async () => {
  const name = await server.createDatabase('form');
  await server.sql(base, name);
  await within(name, async (client) => {
    const { relations } = await takeInventory(client);
    const hash = async (form?: HashForm) => (await fingerprintTables(client, relations, form))[0];
    // As Socle 0.1.0 computed it, when each row was evaluated four times.
    expect(await hash('lanes')).toMatchObject({
      rows: 3,
      form: 'lanes',
      hash: '89f6ebc496d251d9ad202ea5e2b83889c724a04d66273fc82577d32931a06982',
    });
    expect(await hash()).toMatchObject({ rows: 3, form: 'seeded', hash: expect.not.stringMatching('^89f6') });
  });
});

test('large objects are hashed by their contents', async () => {
  const name = await server.createDatabase('large');
  const hash = () => within(name, async (client) => (await fingerprintLargeObjects(client)).hash);
  await server.sql(`SELECT lo_from_bytea(1, decode(repeat('ab', 3000000), 'hex'))`, name);
  const before = await hash();
  await server.sql(`SELECT lo_put(1, 2999999, '\\xac')`, name);
  const after = await hash();
  expect(after).not.toBe(before);
  await server.sql(`SELECT lo_put(1, 2999999, '\\xab')`, name);
  expect(await hash()).toBe(before);
  await server.sql('SELECT lo_create(2)', name);
  expect(await hash()).not.toBe(before);
});

test('a heartbeat is written where that is allowed, and is no error where it is not', async () => {
  const name = await server.createDatabase('heart');
  await within(name, async (client) => {
    await writeHeartbeat(client);
    expect(await newestHeartbeat(client)).toBeNull();
    await client.query(
      'CREATE SCHEMA socle; CREATE TABLE socle.heartbeat (writer text PRIMARY KEY, at timestamptz NOT NULL)',
    );
    expect(await newestHeartbeat(client)).toBeNull();
    await writeHeartbeat(client);
    const first = await newestHeartbeat(client);
    await writeHeartbeat(client);
    const second = await newestHeartbeat(client);
    expect(second?.getTime()).toBeGreaterThanOrEqual(first?.getTime() ?? Number.POSITIVE_INFINITY);
    expect((await client.query('SELECT count(*)::int AS n FROM socle.heartbeat')).rows).toEqual([{ n: 1 }]);
    await client.query('CREATE ROLE stranger LOGIN');
  });
  await within(
    name,
    async (client) => {
      await writeHeartbeat(client);
      expect(await newestHeartbeat(client)).toBeNull();
    },
    'stranger',
  );
});

test('each right that is missing is named: one of them alone is never enough', async () => {
  const name = await server.createDatabase('rights');
  await server.sql(
    `CREATE ROLE reads_all LOGIN; GRANT pg_read_all_data TO reads_all; CREATE ROLE sees_all LOGIN BYPASSRLS;
     CREATE TABLE plain (a int); CREATE TABLE secured (a int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
     CREATE SEQUENCE counter; SELECT lo_create(9)`,
    name,
  );
  const unreadable = (user: string) =>
    within(name, async (client) => (await findUnreadable(client, true)).map(({ what }) => what).sort(), user);
  expect(await unreadable('postgres')).toEqual([]);
  expect(await unreadable('reads_all')).toEqual([
    'large object 9 of postgres',
    'rows of public.secured, which has row security',
  ]);
  expect(await unreadable('sees_all')).toEqual([
    'large object 9 of postgres',
    'password hashes of roles, which role_passwords asks for',
    'sequence public.counter',
    'table public.plain',
    'table public.secured',
  ]);
});
