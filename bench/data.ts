import type { ThrowAwayServer } from '../src/demo/server.ts';

/**
 * A pgbench-like mix, the same rows every time: narrow rows with filler, wide text, jsonb, bytea that does not compress,
 * with the indexes that such tables have. One part is 1.1 GB.
 */
const tables: readonly string[] = [
  `CREATE TABLE accounts AS SELECT i AS id, i % 1000 AS branch, (i::bigint * 7919 % 100000)::int AS balance, md5(i::text) AS filler,
     timestamptz '2025-01-01 00:00:00+00' + i * interval '7 s' AS changed_at
   FROM generate_series($from::int, $to::int) AS i`,
  `CREATE TABLE documents AS SELECT i AS id, 'Document n° ' || i AS title,
     (SELECT string_agg(sha512((i || '/' || part)::bytea), '' ORDER BY part) FROM generate_series(1, 100 + i % 200) AS part) AS content
   FROM generate_series($from::int / 100, $to::int / 100) AS i`,
  `CREATE TABLE events AS SELECT i AS id, i % 20000 AS customer,
     jsonb_build_object('type', (ARRAY['view', 'order', 'payment', 'return'])[1 + i % 4], 'session', md5((i / 9)::text), 'amount', i % 977 / 10.0,
       'tags', jsonb_build_array('été', i % 13, NULL), 'client', jsonb_build_object('os', 'linux', 'build', i % 333)) AS body
   FROM generate_series($from::int / 2, $to::int / 2) AS i`,
  `CREATE TABLE articles AS SELECT i AS id, 'Article ' || i AS title,
     repeat('Le cœur a ses raisons ' || md5(i::text) || ' que la raison ne connaît point. ', 3 + i % 17) AS body
   FROM generate_series($from::int / 10, $to::int / 10) AS i`,
];
const indexes: readonly string[] = [
  'ALTER TABLE accounts ADD PRIMARY KEY (id)',
  'ALTER TABLE documents ADD PRIMARY KEY (id)',
  'ALTER TABLE events ADD PRIMARY KEY (id)',
  'ALTER TABLE articles ADD PRIMARY KEY (id)',
  'CREATE INDEX ON accounts (branch, balance)',
  'CREATE INDEX ON events (customer)',
  "CREATE INDEX ON events USING gin ((body -> 'tags'))",
  'ALTER TABLE events ADD CHECK (customer >= 0)',
];

const rowsPerPart = 2_200_000;

/** Makes the database; resolves to its size in bytes. */
export async function makeDatabase(server: ThrowAwayServer, database: string, parts: number): Promise<number> {
  const admin = await server.connect();
  await admin.query(`CREATE DATABASE ${database} TEMPLATE template0`);
  const run = async (statements: readonly string[]) => {
    const client = await server.connect(database);
    for (const statement of statements) {
      const sql = statement.replaceAll('$from', '1').replaceAll('$to', String(rowsPerPart * parts));
      await client.query(`SET maintenance_work_mem = '256MB'; SET synchronous_commit = off; ${sql}`);
    }
    await client.end();
  };
  // Two at a time: one for each core of a small machine.
  await Promise.all([run(tables.slice(0, 2)), run(tables.slice(2))]);
  await Promise.all([
    run(indexes.filter((_, index) => index % 2 === 0)),
    run(indexes.filter((_, index) => index % 2 === 1)),
  ]);
  const client = await server.connect(database);
  await client.query('VACUUM (FREEZE, ANALYZE)');
  const { rows } = await client.query<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
  await client.end();
  await admin.query('CHECKPOINT');
  await admin.end();
  return Number(rows[0]?.bytes);
}
