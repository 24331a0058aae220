import type { TestServer } from './postgres.ts';

/** SQL for a database that has an object of every kind that the inventory knows, each with its oddities. */
const objects = String.raw`
CREATE SCHEMA shop;
CREATE SCHEMA "Élan vital";
COMMENT ON SCHEMA shop IS 'where things are sold';
CREATE EXTENSION hstore SCHEMA shop;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION postgres_fdw;
GRANT EXECUTE ON FUNCTION shop.hstore_in(cstring) TO kind_reader;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;

CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'happy, "really"');
ALTER TYPE shop.mood ADD VALUE 'meh' BEFORE 'ok';
CREATE TYPE shop.place AS (street text, "Zip Code" varchar(5) COLLATE "C");
COMMENT ON COLUMN shop.place.street IS 'of a composite type';
CREATE TYPE shop.span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE DOMAIN shop.positive AS integer DEFAULT 1 NOT NULL CONSTRAINT above_zero CHECK (VALUE > 0);
COMMENT ON DOMAIN shop.positive IS 'a domain';
COMMENT ON CONSTRAINT above_zero ON DOMAIN shop.positive IS 'a domain constraint';
CREATE COLLATION shop.numeric_order (provider = icu, locale = 'und-u-kn-true', deterministic = false);
CREATE TYPE shop.unfinished;

CREATE FUNCTION shop.add_tax(amount numeric, rate numeric DEFAULT 0.2) RETURNS numeric LANGUAGE sql IMMUTABLE
  SET search_path = shop AS $$ SELECT amount * (1 + rate) $$;
CREATE FUNCTION shop.body_of_sql(a int) RETURNS int BEGIN ATOMIC SELECT a + 1; END;
CREATE PROCEDURE shop.noop() LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE shop.total(numeric) (sfunc = numeric_add, stype = numeric, initcond = '0', combinefunc = numeric_add, parallel = safe);
COMMENT ON AGGREGATE shop.total(numeric) IS 'an aggregate';
REVOKE ALL ON FUNCTION shop.add_tax(numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.add_tax(numeric, numeric) TO kind_reader WITH GRANT OPTION;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION shop.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE FUNCTION shop.same(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a = b';
CREATE OPERATOR shop.=== (leftarg = int, rightarg = int, function = shop.same, commutator = OPERATOR(shop.===));
CREATE OPERATOR FAMILY shop.odd_family USING btree;
CREATE OPERATOR CLASS shop.odd_ops FOR TYPE int USING btree FAMILY shop.odd_family AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE CAST (shop.place AS text) WITH INOUT AS ASSIGNMENT;
CREATE CONVERSION shop.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH DICTIONARY shop.stemmer (TEMPLATE = snowball, language = french);
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION shop.words ALTER MAPPING FOR asciiword WITH shop.stemmer, simple;

CREATE TABLE shop.customers (
  id bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5) PRIMARY KEY,
  name text NOT NULL COLLATE shop.numeric_order, email varchar(200) UNIQUE,
  status varchar(10) DEFAULT 'new' CHECK (status IN ('new', 'old')),
  mood shop.mood, home shop.place, tags text[], doc jsonb, attrs shop.hstore, photo bytea,
  score shop.positive, span shop.span, upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
  dropped int, born date, at timestamptz DEFAULT now(), secret text
);
ALTER TABLE shop.customers DROP COLUMN dropped;
ALTER TABLE shop.customers ALTER COLUMN name SET STATISTICS 500, ALTER COLUMN photo SET STORAGE EXTERNAL,
  ALTER COLUMN doc SET (n_distinct = 5), ALTER COLUMN name SET COMPRESSION pglz;
ALTER TABLE shop.customers SET (fillfactor = 70, toast.autovacuum_enabled = false);
COMMENT ON TABLE shop.customers IS E'an ''odd'' comment\nin two lines';
COMMENT ON COLUMN shop.customers.name IS 'a column';
GRANT SELECT (id, name), UPDATE (name) ON shop.customers TO kind_reader;
GRANT SELECT ON shop.customers TO PUBLIC;
CREATE INDEX customers_lower ON shop.customers (lower(name) DESC NULLS LAST, status) INCLUDE (born) WHERE born IS NOT NULL;
ALTER INDEX shop.customers_lower ALTER COLUMN 1 SET STATISTICS 300;
CREATE INDEX customers_doc ON shop.customers USING gin (doc jsonb_path_ops) WITH (fastupdate = off);
CREATE UNIQUE INDEX customers_identity ON shop.customers (id);
ALTER TABLE shop.customers CLUSTER ON customers_pkey;
ALTER TABLE shop.customers REPLICA IDENTITY USING INDEX customers_identity;
COMMENT ON INDEX shop.customers_doc IS 'an index';
COMMENT ON CONSTRAINT customers_pkey ON shop.customers IS 'a constraint';
CREATE STATISTICS shop.customers_stats (dependencies, ndistinct) ON status, born FROM shop.customers;
ALTER STATISTICS shop.customers_stats SET STATISTICS 200;

CREATE TABLE shop."Order Items" (
  "Id" serial PRIMARY KEY, customer bigint REFERENCES shop.customers ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  amount numeric(12, 2), ratio float8, during tstzrange, EXCLUDE USING gist (during WITH &&)
);
ALTER TABLE shop."Order Items" ADD CONSTRAINT later CHECK (amount > -1000) NOT VALID;
CREATE TRIGGER touched BEFORE UPDATE OF amount ON shop."Order Items" FOR EACH ROW WHEN (old.amount <> new.amount) EXECUTE FUNCTION shop.touch();
CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON shop."Order Items" DEFERRABLE FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop."Order Items" DISABLE TRIGGER touched;
COMMENT ON TRIGGER touched ON shop."Order Items" IS 'a trigger';
CREATE RULE no_delete AS ON DELETE TO shop."Order Items" WHERE old.amount = 0 DO INSTEAD NOTHING;
COMMENT ON RULE no_delete ON shop."Order Items" IS 'a rule';
ALTER TABLE shop."Order Items" ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop."Order Items" AS RESTRICTIVE FOR SELECT TO kind_reader, kind_owner USING (amount > 0);
CREATE POLICY everyone ON shop."Order Items" USING (true) WITH CHECK (amount > 1);
COMMENT ON POLICY own ON shop."Order Items" IS 'a policy';
CREATE TABLE shop.forced (a int); ALTER TABLE shop.forced FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;

CREATE TABLE shop.events (id bigint, at timestamptz NOT NULL, body text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2025 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.events_2026 (body text DEFAULT 'x', at timestamptz NOT NULL, id bigint NOT NULL);
ALTER TABLE shop.events ATTACH PARTITION shop.events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT PARTITION BY HASH (id);
CREATE TABLE shop.events_rest_0 PARTITION OF shop.events_rest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE INDEX events_body ON shop.events (body);
CREATE TRIGGER events_touched AFTER INSERT ON shop.events FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.events_2025 DISABLE TRIGGER events_touched;
ALTER TABLE shop.events ADD COLUMN customer bigint REFERENCES shop.customers;
CREATE TABLE shop.refers (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.events (id, at));

CREATE TABLE shop.base (a int, b text CHECK (b <> ''), CONSTRAINT alone CHECK (a > 0) NO INHERIT);
CREATE TABLE shop.child (c int, b text DEFAULT 'z') INHERITS (shop.base);
ALTER TABLE shop.base ADD COLUMN added int DEFAULT 7;
CREATE TABLE shop.second_parent (z int);
CREATE TABLE shop.grandchild () INHERITS (shop.child, shop.second_parent);
CREATE TABLE shop.of_type OF shop.place (PRIMARY KEY (street));
CREATE UNLOGGED TABLE shop.volatile (a int);
CREATE TABLE shop.no_columns ();
CREATE TABLE shop.empty (a int);
CREATE TABLE "Élan vital"."Ta""ble" ("Col""umn" int, "naïve" text, "select" int);
CREATE SEQUENCE shop.down AS smallint INCREMENT -2 MAXVALUE 100 CYCLE CACHE 5;
SELECT nextval('shop.down');
GRANT USAGE ON SEQUENCE shop.down TO kind_reader;
CREATE SEQUENCE shop.untouched;

CREATE VIEW shop.rich WITH (security_barrier) AS SELECT id, name, status FROM shop.customers WHERE born IS NULL WITH CHECK OPTION;
ALTER VIEW shop.rich ALTER COLUMN status SET DEFAULT 'old';
COMMENT ON VIEW shop.rich IS 'a view';
CREATE MATERIALIZED VIEW shop.summary AS SELECT status, count(*) AS n FROM shop.customers GROUP BY status;
CREATE UNIQUE INDEX summary_status ON shop.summary (status);
CREATE MATERIALIZED VIEW shop.unpopulated AS SELECT 1 AS one WITH NO DATA;
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION shop.on_ddl();
ALTER EVENT TRIGGER watch DISABLE;

CREATE SERVER elsewhere TYPE 'pg' VERSION '15' FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost', dbname 'x');
GRANT USAGE ON FOREIGN SERVER elsewhere TO kind_reader;
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'u', password 'mapped-secret');
CREATE FOREIGN TABLE shop.far (a int OPTIONS (column_name 'b')) SERVER elsewhere OPTIONS (table_name 't');
CREATE PUBLICATION chosen FOR TABLE shop.customers (id, name) WHERE (id > 5), shop.base WITH (publish = 'insert, update');
CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA "Élan vital";
CREATE SUBSCRIPTION incoming CONNECTION 'dbname=nowhere' PUBLICATION p, q WITH (connect = false, slot_name = NONE);

SELECT lo_create(4242); SELECT lo_put(4242, 0, '\xdeadbeef');
SELECT lo_create(4243);
ALTER LARGE OBJECT 4242 OWNER TO kind_owner;
GRANT SELECT ON LARGE OBJECT 4242 TO kind_reader;
COMMENT ON LARGE OBJECT 4242 IS 'a large object';

ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner IN SCHEMA shop GRANT SELECT ON TABLES TO kind_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER TABLE shop.base OWNER TO kind_owner;
ALTER SCHEMA "Élan vital" OWNER TO kind_owner;
GRANT USAGE, CREATE ON SCHEMA shop TO kind_reader;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA "Élan vital" TO kind_reader WITH GRANT OPTION;
SET SESSION AUTHORIZATION kind_reader; GRANT SELECT ON "Élan vital"."Ta""ble" TO kind_other; RESET SESSION AUTHORIZATION;
`;

const rows = String.raw`
INSERT INTO shop.customers (name, email, status, mood, home, tags, doc, attrs, photo, score, span, born, secret)
  SELECT 'Näme ' || i, 'c' || i || '@example.org', CASE WHEN i % 3 = 0 THEN 'old' ELSE 'new' END, 'meh',
    ROW('Rue "' || i || '"', '75001')::shop.place, ARRAY['a', NULL, 'x,y'], jsonb_build_object('i', i),
    'k=>v', decode(md5(i::text), 'hex'), i, '[1,2)', CASE WHEN i % 2 = 0 THEN date '1990-01-01' + i END, NULL
  FROM generate_series(1, 500) i;
INSERT INTO shop."Order Items" (customer, amount, ratio, during)
  SELECT 100 + 5 * (i - 1), i * 1.5, CASE i % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE i / 3.0 END,
    tstzrange(timestamptz '2026-01-01' + i * interval '1 hour', timestamptz '2026-01-01' + (i + 1) * interval '1 hour')
  FROM generate_series(1, 300) i;
INSERT INTO shop.events (id, at, body) SELECT i, timestamptz '2024-06-01' + i * interval '5 days', repeat('é', i % 7) FROM generate_series(1, 300) i;
INSERT INTO shop.base VALUES (1, 'b'); INSERT INTO shop.child (a, b, c) VALUES (2, 'x', 3), (2, 'x', 3);
INSERT INTO shop.grandchild (a, b, c, z) VALUES (5, 'y', 6, 7);
INSERT INTO shop.volatile VALUES (1), (2); INSERT INTO shop.no_columns DEFAULT VALUES;
INSERT INTO "Élan vital"."Ta""ble" VALUES (1, E'tab\tnewline\nbackslash\\ \\.', 2), (NULL, NULL, NULL);
REFRESH MATERIALIZED VIEW shop.summary;
`;

const cluster = `
CREATE ROLE kind_owner; CREATE ROLE kind_reader LOGIN PASSWORD 'hashed-secret' CONNECTION LIMIT 7 VALID UNTIL '2040-01-01';
CREATE ROLE kind_other NOINHERIT; GRANT kind_owner TO kind_reader WITH ADMIN OPTION;
COMMENT ON ROLE kind_reader IS 'a role';
ALTER ROLE kind_reader SET work_mem = '8MB';
`;

/** Makes the roles (once per server) and a database with an object of every kind and a few rows. Returns its name. */
export async function createEveryKind(server: TestServer): Promise<string> {
  const roles = await server.sql(`SELECT 1 FROM pg_roles WHERE rolname = 'kind_owner'`);
  if (roles.rows.length === 0) await server.sql(cluster);
  const name = await server.createDatabase('kinds');
  await server.sql(objects, name);
  await server.sql(rows, name);
  await server.sql(`
    ALTER DATABASE "${name}" SET statement_timeout = '5min'; ALTER DATABASE "${name}" CONNECTION LIMIT 20;
    ALTER ROLE kind_reader IN DATABASE "${name}" SET search_path = shop, public;
    COMMENT ON DATABASE "${name}" IS 'a database'; GRANT CONNECT ON DATABASE "${name}" TO kind_reader;
    REVOKE TEMPORARY ON DATABASE "${name}" FROM PUBLIC`);
  return name;
}
