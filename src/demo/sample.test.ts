import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { installSample } from './sample.ts';

let server: TestServer;
let client: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  client = await server.connect(await server.createDatabase('sample'));
  await installSample(client, { roles: 'sample_test_' });
});
afterAll(async () => {
  await client?.end();
  await server?.stop();
});

const user = "(SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$|^extensions$')";
const relations = (where: string) => `SELECT 1 FROM pg_class WHERE relnamespace IN ${user} AND ${where}`;
const columns = (where: string) =>
  `SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid AND relkind IN ('r', 'p') AND relnamespace IN ${user} WHERE attnum > 0 AND ${where}`;
const typed = (type: string) => columns(`NOT attisdropped AND format_type(atttypid, atttypmod) = '${type}'`);
const typeKind = (kind: string) => `SELECT 1 FROM pg_type WHERE typtype = '${kind}' AND typnamespace IN ${user}`;

/** What a backup and its proof have to cope with, and the least number of each. */
const kinds: Readonly<Record<string, readonly [atLeast: number, sql: string]>> = {
  schemas: [7, `SELECT 1 FROM pg_namespace WHERE oid IN ${user}`],
  'tables with rows of their own': [25, relations("relkind = 'r'")],
  'foreign keys': [12, "SELECT 1 FROM pg_constraint WHERE contype = 'f'"],
  'deferrable keys': [3, 'SELECT 1 FROM pg_constraint WHERE condeferrable'],
  'exclusion constraints': [1, "SELECT 1 FROM pg_constraint WHERE contype = 'x'"],
  'constraints that are not validated': [1, 'SELECT 1 FROM pg_constraint WHERE NOT convalidated'],
  'a varchar column with CHECK … IN': [
    2,
    "SELECT 1 FROM pg_constraint WHERE contype = 'c' AND pg_get_constraintdef(oid) ~ 'ARRAY.*character varying'",
  ],
  sequences: [8, relations("relkind = 'S'")],
  'a sequence that cycles': [1, 'SELECT 1 FROM pg_sequence WHERE seqcycle'],
  'identity columns': [6, columns("attidentity <> ''")],
  'generated columns': [4, columns("attgenerated = 's'")],
  'dropped columns': [1, columns('attisdropped')],
  'large objects': [41, 'SELECT 1 FROM pg_largeobject_metadata'],
  'large objects with rights': [10, 'SELECT 1 FROM pg_largeobject_metadata WHERE lomacl IS NOT NULL'],
  'owners of large objects': [3, 'SELECT DISTINCT lomowner FROM pg_largeobject_metadata'],
  'materialized views with rows': [1, relations("relkind = 'm' AND relispopulated")],
  'materialized views without': [1, relations("relkind = 'm' AND NOT relispopulated")],
  'partitioned tables': [3, relations("relkind = 'p'")],
  'partitions of partitions': [1, relations("relkind = 'p' AND relispartition")],
  'ways to partition': [3, 'SELECT DISTINCT partstrat FROM pg_partitioned_table'],
  inheritance: [2, "SELECT 1 FROM pg_inherits JOIN pg_class c ON c.oid = inhparent WHERE relkind = 'r'"],
  domains: [3, typeKind('d')],
  enums: [2, typeKind('e')],
  'range types': [1, typeKind('r')],
  'composite types': [2, relations("relkind = 'c'")],
  'collations of ICU': [1, `SELECT 1 FROM pg_collation WHERE collprovider = 'i' AND collnamespace IN ${user}`],
  arrays: [5, columns('NOT attisdropped AND attndims > 0')],
  jsonb: [3, typed('jsonb')],
  bytea: [2, typed('bytea')],
  xml: [1, typed('xml')],
  'timestamps with zone': [4, typed('timestamp with time zone')],
  'timestamps without zone': [3, typed('timestamp without time zone')],
  'not a number': [30, "SELECT 1 FROM logistics.temperatures WHERE kelvin = 'NaN' OR calibration = 'NaN'"],
  infinity: [
    60,
    "SELECT 1 FROM logistics.temperatures WHERE 'Infinity' IN (kelvin, -kelvin) OR calibration = '-Infinity' OR NOT isfinite(read_at)",
  ],
  'text that is not ASCII': [9_000, "SELECT 1 FROM crm.customers WHERE full_name ~ '[^\\x01-\\x7f]'"],
  'tables whose names need quotes': [3, relations("relkind = 'r' AND quote_ident(relname) <> relname")],
  'columns whose names need quotes': [8, columns('NOT attisdropped AND quote_ident(attname) <> attname')],
  triggers: [4, 'SELECT 1 FROM pg_trigger WHERE NOT tgisinternal'],
  'a trigger that is disabled': [1, "SELECT 1 FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal"],
  'functions, procedures and aggregates': [
    3,
    `SELECT DISTINCT prokind FROM pg_proc WHERE pronamespace IN ${user} AND prokind IN ('f', 'p', 'a')`,
  ],
  rules: [3, "SELECT 1 FROM pg_rewrite WHERE rulename <> '_RETURN' AND oid > 16384"],
  comments: [13, 'SELECT 1 FROM pg_description WHERE objoid > 16384 UNION ALL SELECT 1 FROM pg_shdescription'],
  extensions: [3, "SELECT 1 FROM pg_extension WHERE extname <> 'plpgsql'"],
  roles: [5, "SELECT 1 FROM pg_roles WHERE rolname LIKE 'sample_test_%'"],
  memberships: [2, "SELECT 1 FROM pg_auth_members WHERE roleid::regrole::text ~ 'sample_test_'"],
  'tables with grants': [10, relations("relkind IN ('r', 'p') AND relacl IS NOT NULL")],
  'columns with grants': [2, columns('attacl IS NOT NULL')],
  'default privileges': [3, 'SELECT 1 FROM pg_default_acl'],
  'settings of the database': [
    2,
    'SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase <> 0 AND setrole = 0',
  ],
  'settings of roles': [2, 'SELECT 1 FROM pg_db_role_setting WHERE setdatabase = 0'],
  'settings of a role in this database': [
    1,
    'SELECT 1 FROM pg_db_role_setting WHERE setdatabase <> 0 AND setrole <> 0',
  ],
  'tables with row security': [2, relations('relrowsecurity')],
  'row security that binds the owner': [1, relations('relforcerowsecurity')],
  policies: [3, 'SELECT 1 FROM pg_policy'],
  publications: [2, 'SELECT 1 FROM pg_publication'],
  'extended statistics': [1, 'SELECT 1 FROM pg_statistic_ext'],
  'an unlogged table': [1, relations("relkind = 'r' AND relpersistence = 'u'")],
  'rows without a key, twice': [10_000, 'SELECT 1 FROM sales.visits GROUP BY visits HAVING count(*) = 2'],
  'a table without columns': [1, relations("relkind = 'r' AND relnatts = 0")],
  'rows without columns': [2, 'SELECT 1 FROM logistics.marker'],
  'a table with a fillfactor': [1, relations("'fillfactor=40' = ANY (reloptions)")],
};

test.each(Object.entries(kinds))('the sample has %s', async (_name, [atLeast, sql]) => {
  const { rows } = await client.query(`SELECT count(*)::int AS count FROM (${sql}) AS found`);
  expect(rows[0].count).toBeGreaterThanOrEqual(atLeast);
});

test('the sample has an empty table, and at least half a million rows', async () => {
  const { rows: tables } = await client.query(`
    SELECT c.oid::regclass::text AS name, (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ONLY ' || c.oid::regclass, true, true, '')))[1]::text::int AS rows
      FROM pg_class c WHERE relkind = 'r' AND relnamespace IN ${user}`);
  expect(tables.filter((table) => table.rows === 0).map((table) => table.name)).toEqual(['sales.disputes']);
  expect(tables.reduce((sum, table) => sum + table.rows, 0)).toBeGreaterThan(500_000);
});

test('the sample is the same every time', async () => {
  const { rows } = await client.query(`
    SELECT (SELECT sum(unit_price)::text FROM sales.order_lines) AS prices,
           (SELECT md5(string_agg(sha256, '' ORDER BY id)) FROM catalogue.photos) AS photos,
           (SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM logistics.temperatures t) AS temperatures`);
  expect(rows).toMatchInlineSnapshot(`
    [
      {
        "photos": "6f65d7740b05432d9ac62485c0ca80dd",
        "prices": "30061549.86",
        "temperatures": "4e1662b66ac00034e4e3659cda6e793c",
      },
    ]
  `);
});

test('the updates left rows of the stock out of order', async () => {
  const { rows } = await client.query(
    'SELECT 1 FROM (SELECT product < lag(product) OVER (ORDER BY ctid) AS back FROM logistics.stock) AS s WHERE back LIMIT 1',
  );
  expect(rows).toHaveLength(1);
});
