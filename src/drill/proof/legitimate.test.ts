import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../../test/support/postgres.ts';
import { copyRoles, dump, gapsOf, proveCopy, restore } from '../../../test/support/proving.ts';
import { proofSchema } from '../schema.ts';

let source: TestServer;
let target: TestServer;
let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'socle-legitimate-'));
  [source, target] = await Promise.all([startPostgres(), startPostgres()]);
  // Names of roles belong to the server, and were given from a database in UTF-8.
  await source.sql(`CREATE ROLE "émile"; CREATE ROLE "zoé"`);
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  rmSync(work, { recursive: true, force: true });
});

/** Forms that a database may have, that a backup holds and a restore brings back in its own way. */
const cases: ReadonlyArray<{ name: string; sql: string; notes?: readonly RegExp[]; create?: string }> = [
  {
    name: 'rows of a table partitioned by the hash of an enum',
    sql: `CREATE TYPE filler AS ENUM ('x'); DROP TYPE filler; CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'white', 'black');
      CREATE TABLE p (c colour, n int) PARTITION BY HASH (c);
      CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 0); CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 1);
      CREATE TABLE p2 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 2);
      INSERT INTO p SELECT (enum_range(NULL::colour))[1 + i % 5], i FROM generate_series(1, 50) i`,
  },
  {
    name: 'the same, where partitions have their columns in other orders',
    sql: `CREATE TYPE colour AS ENUM ('red', 'green', 'blue'); CREATE TABLE p (c colour, n int, t text) PARTITION BY HASH (c);
      CREATE TABLE p0 (t text, n int, c colour); ALTER TABLE p ATTACH PARTITION p0 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE p1 (n int, gone int, c colour, t text); ALTER TABLE p1 DROP gone; ALTER TABLE p ATTACH PARTITION p1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      INSERT INTO p SELECT (enum_range(NULL::colour))[1 + i % 3], i, CASE i % 3 WHEN 0 THEN E'a\\tb\\n\\\\.' WHEN 1 THEN '' END FROM generate_series(1, 40) i`,
  },
  {
    name: 'the same below a partition by range',
    sql: `CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'white', 'black');
      CREATE TABLE p (c colour, n int, g int GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (c, n)) PARTITION BY RANGE (n);
      CREATE TABLE low PARTITION OF p FOR VALUES FROM (0) TO (20) PARTITION BY HASH (c);
      CREATE TABLE low0 PARTITION OF low FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE low1 PARTITION OF low FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      CREATE TABLE high (n int NOT NULL, gone int, c colour NOT NULL, g int GENERATED ALWAYS AS (n * 2) STORED); ALTER TABLE high DROP gone;
      ALTER TABLE p ATTACH PARTITION high FOR VALUES FROM (20) TO (100);
      INSERT INTO p SELECT (enum_range(NULL::colour))[1 + i % 5], i FROM generate_series(1, 50) i; CREATE TABLE other (a int); INSERT INTO other VALUES (1)`,
  },
  { name: 'no schema public', sql: 'DROP SCHEMA public', notes: [/no schema public/] },
  { name: 'no plpgsql', sql: 'DROP EXTENSION plpgsql', notes: [/no extension plpgsql/] },
  {
    name: 'an operator whose commutator is not there yet',
    sql: `CREATE FUNCTION same(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT $1::text = $2';
      CREATE OPERATOR === (leftarg = int, rightarg = text, function = same, commutator = ===, negator = !==)`,
  },
  {
    name: 'an operator class that made its family itself',
    sql: `CREATE OPERATOR CLASS plain_ops FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
      CREATE OPERATOR FAMILY lonely USING hash`,
  },
  { name: 'a type that was never finished', sql: 'CREATE TYPE unfinished' },
  {
    name: 'indexes that are not valid',
    sql: `CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1); CREATE INDEX whole ON t (a); CREATE INDEX broken ON t (a);
      SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass;
      CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5); CREATE INDEX alone ON ONLY p (a)`,
  },
  {
    name: 'constraints that were never validated, and triggers that are disabled',
    sql: `CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (a int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES a); INSERT INTO a VALUES (1, -1);
      ALTER TABLE a ADD CONSTRAINT positive CHECK (n > 0) NOT VALID; ALTER TABLE b ADD CONSTRAINT later FOREIGN KEY (a) REFERENCES a NOT VALID;
      ALTER TABLE b DISABLE TRIGGER ALL`,
    notes: [/foreign key public\.b\.fk was enforced/, /foreign key public\.b\.later was enforced/],
  },
  {
    name: 'a partition that is being detached',
    sql: `CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
      INSERT INTO p VALUES (1), (2); SET allow_system_table_mods = on; UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'p2'::regclass`,
    notes: [/partition public\.p2 was being detached/],
  },
  {
    name: 'tables without columns, with dropped ones, typed, inherited in another order',
    sql: `CREATE TABLE none (); INSERT INTO none DEFAULT VALUES; CREATE TYPE pair AS (a int, b text, c int); ALTER TYPE pair DROP ATTRIBUTE b; ALTER TYPE pair ADD ATTRIBUTE d text;
      CREATE TABLE typed OF pair; INSERT INTO typed VALUES (1, 2, 'x'); CREATE TABLE holds (p pair, ps pair[]); INSERT INTO holds VALUES (ROW(1, 2, 'x'), ARRAY[ROW(3, NULL, '')::pair]);
      CREATE TABLE parent (a int); CREATE TABLE child (z int, a int) INHERITS (parent); ALTER TABLE parent ADD late text DEFAULT 'l'; INSERT INTO child VALUES (1, 2);
      CREATE TABLE dropped (a int, b int, c int); ALTER TABLE dropped DROP b; INSERT INTO dropped VALUES (1, 3)`,
  },
  {
    name: 'values at the edge',
    sql: `CREATE DOMAIN ints AS int[] CHECK (array_length(VALUE, 1) > 0);
      CREATE TABLE v (f float8, g float4, t timestamptz, d date, n numeric, a int[], x ints, b bytea, m money, ts tsvector, j json, jb jsonb, xm xml, i interval, r int4range, bits varbit, inet inet, c "char", cls regclass);
      INSERT INTO v VALUES ('-0', 'NaN', 'infinity', '-infinity', 'NaN', '[-2:0]={1,2,3}', '{1}', '\\x00ff0a5c', '-1234.56', 'a:1A b', '{"b":1, "b":2}', '{"b":1}', '<a>é</a>', '1 mon -1 day', 'empty', B'', '::1', 'x', 'v'),
        ('Infinity', '1e-45', '4713-01-01 00:00:00+00 BC', '5874897-12-31', 1e1000, '{{1,2},{3,NULL}}', '[5:5]={9}', '', '0.01', '', 'null', 'null', '', '-178000000 years', '(,)', B'101', '10.0.0.0/8', '', 'pg_class')`,
  },
  {
    name: 'a default partition, a partition of another order, partitions by a text',
    sql: `CREATE TABLE l (t text, n int) PARTITION BY LIST (t); CREATE TABLE l1 (n int, t text); ALTER TABLE l ATTACH PARTITION l1 FOR VALUES IN ('a', NULL);
      CREATE TABLE l2 PARTITION OF l DEFAULT; INSERT INTO l VALUES ('a', 1), (NULL, 2), ('é', 3);
      CREATE TABLE h (t text) PARTITION BY HASH (t); CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      INSERT INTO h SELECT i::text FROM generate_series(1, 20) i`,
  },
  {
    name: 'rights that say nothing new, and rights that were taken',
    sql: `CREATE TABLE t (a int, b int); GRANT ALL ON t TO postgres; REVOKE ALL ON t FROM postgres; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION f() TO PUBLIC;
      GRANT SELECT (a) ON t TO PUBLIC; REVOKE SELECT (a) ON t FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC;
      CREATE VIEW w AS SELECT 1 AS one; REVOKE ALL ON w FROM postgres; GRANT SELECT ON w TO PUBLIC`,
  },
  {
    name: 'a role with a name of other letters, in a database of another encoding',
    sql: `CREATE TABLE t (a int); DO $$ DECLARE r text := (SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE '%mile');
      BEGIN EXECUTE format('ALTER TABLE t OWNER TO %s; GRANT SELECT ON t TO %s WITH GRANT OPTION', r, r); END $$`,
    create: `ENCODING 'LATIN1' LOCALE 'C'`,
  },
  {
    name: 'the same in a database that knows no encoding',
    sql: `CREATE TABLE t (a text); ALTER TABLE t OWNER TO "zoé"; INSERT INTO t VALUES (E'\\xe9')`,
    create: `ENCODING 'SQL_ASCII' LOCALE 'C'`,
  },
  {
    name: 'sequences with all that they can have',
    sql: `CREATE SEQUENCE a AS bigint INCREMENT -3 MINVALUE -9223372036854775808 MAXVALUE 9223372036854775807 START 5 CACHE 7 CYCLE; SELECT nextval('a'), nextval('a');
      CREATE UNLOGGED TABLE u (id serial, i int GENERATED ALWAYS AS IDENTITY (START 5)); INSERT INTO u DEFAULT VALUES; CREATE SEQUENCE b OWNED BY u.id; ALTER SEQUENCE a RESTART`,
  },
  {
    name: 'views that lean on each other, rules, and a table that became a view',
    sql: `CREATE TABLE t (id int PRIMARY KEY, n text); CREATE VIEW grouped AS SELECT id, n FROM t GROUP BY id; CREATE VIEW outer_view AS SELECT * FROM grouped;
      CREATE OR REPLACE VIEW grouped AS SELECT id, n FROM t GROUP BY id; CREATE MATERIALIZED VIEW mv AS SELECT * FROM outer_view; CREATE MATERIALIZED VIEW mv2 AS SELECT count(*) FROM mv;
      CREATE VIEW renamed AS SELECT id AS a FROM t; ALTER VIEW renamed RENAME COLUMN a TO b; ALTER TABLE t RENAME COLUMN n TO m`,
  },
];

test.each(cases)('$name', async ({ sql, notes = [], create }) => {
  const name = await source.createDatabase('form');
  if (create) {
    await source.sql(`DROP DATABASE ${name}`);
    await source.sql(`CREATE DATABASE ${name} TEMPLATE template0 ${create}`);
  }
  await source.sql(sql, name);
  const dumped = await dump(source, name, work);
  expect(await gapsOf(source, dumped)).toEqual([]);
  await copyRoles(source, target);
  const copy = await restore(target, dumped, name);
  const proof = proofSchema.parse(await proveCopy(target, dumped, copy, work));
  expect(proof.differences).toEqual([]);
  expect(proof.level).toBe('identical-to-source');
  expect(proof.notes).toEqual(notes.map((note) => expect.stringMatching(note)));
});

test('a changed, a missing and an extra row are named where rows are loaded through the root of their partitions', async () => {
  const name = await source.createDatabase('form');
  await source.sql(
    `CREATE TYPE colour AS ENUM ('red', 'green', 'blue'); CREATE TABLE p (n int, c colour, t text, PRIMARY KEY (n, c)) PARTITION BY HASH (c);
     CREATE TABLE p0 (t text, n int NOT NULL, c colour NOT NULL); ALTER TABLE p ATTACH PARTITION p0 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
     CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO p SELECT i, (enum_range(NULL::colour))[1 + i % 3], i FROM generate_series(1, 40) i`,
    name,
  );
  const dumped = await dump(source, name, work);
  const copy = await restore(target, dumped, name);
  await target.sql(
    `UPDATE p SET t = 'x' WHERE n = 7; DELETE FROM p WHERE n IN (9, 10); INSERT INTO p VALUES (41, 'red', 'y')`,
    copy,
  );
  const proof = proofSchema.parse(await proveCopy(target, dumped, copy, work));
  expect(proof.differences.map(({ object, problem, column }) => [object, problem, column]).sort()).toEqual([
    ['public.p', 'changed', 't'],
    ['public.p', 'extra', null],
    ['public.p', 'missing', null],
    ['public.p', 'missing', null],
  ]);
  expect(proof.tables.map(({ name: table, result }) => [table, result])).toEqual([
    ['public.p0', 'different'],
    ['public.p1', 'different'],
  ]);
});
