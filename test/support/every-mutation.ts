import type { Difference } from '../../src/drill/schema.ts';

/** One way in which a restored copy of `createEveryKind` can be wrong, and how a proof has to name it. */
export interface Mutation {
  readonly name: string;
  /** Run in the copy as superuser; `DATABASE` stands for its name. */
  readonly sql: string;
  readonly names: Partial<Difference>;
}

type Names = [kind: string, object: string, problem: Difference['problem'], more?: Partial<Difference>];

const mutation = (name: string, sql: string, [kind, object, problem, more]: Names): Mutation => ({
  name,
  sql,
  names: { kind, object, problem, ...more },
});

const customers = 'shop.customers';
const items = 'shop."Order Items"';
const strange = '"Élan vital"."Ta""ble"';

/** In groups that do not touch the same thing: a group can be done to one copy. */
export const everyMutation: ReadonlyArray<readonly Mutation[]> = [
  [
    mutation(
      'one changed byte',
      `UPDATE shop.customers SET photo = set_byte(photo, 3, (get_byte(photo, 3) + 1) % 256) WHERE id = 305`,
      ['rows', customers, 'changed', { row: 'id=305', column: 'photo' }],
    ),
    mutation('a missing row', `DELETE FROM shop.events_2025 WHERE id = 50`, [
      'rows',
      'shop.events_2025',
      'missing',
      { row: 'id=50, at=2025-02-06 00:00:00+00' },
    ]),
    mutation('an extra row', `INSERT INTO shop.empty VALUES (1)`, [
      'rows',
      'shop.empty',
      'extra',
      { row: 'row 1 of the copy' },
    ]),
    mutation(
      'values swapped between rows',
      `UPDATE shop."Order Items" a SET amount = b.amount FROM shop."Order Items" b
         WHERE (a."Id" = 3 AND b."Id" = 7) OR (a."Id" = 7 AND b."Id" = 3)`,
      ['rows', items, 'changed', { row: 'Id=7', column: 'amount' }],
    ),
    mutation(
      'a changed value in a table without a key',
      // It is published and has no key, so that PostgreSQL asks for an identity first.
      `ALTER TABLE "Élan vital"."Ta""ble" REPLICA IDENTITY FULL;
       UPDATE "Élan vital"."Ta""ble" SET "naïve" = "naïve" || 'x' WHERE "Col""umn" = 1;
       ALTER TABLE "Élan vital"."Ta""ble" REPLICA IDENTITY DEFAULT`,
      ['rows', strange, 'changed', { row: 'row 1', column: 'naïve' }],
    ),
    mutation(
      'one of two equal rows missing',
      `DELETE FROM ONLY shop.child WHERE ctid = (SELECT min(ctid) FROM ONLY shop.child)`,
      ['rows', 'shop.child', 'missing', { row: 'row 1' }],
    ),
    mutation('an extra row without columns', `INSERT INTO shop.no_columns DEFAULT VALUES`, [
      'rows',
      'shop.no_columns',
      'extra',
    ]),
    mutation('a byte of a large object', `SELECT lo_put(4242, 1, '\\x00')`, [
      'large object',
      '4242',
      'changed',
      { property: 'content' },
    ]),
    mutation('the owner of a large object', `ALTER LARGE OBJECT 4243 OWNER TO kind_other`, [
      'large object',
      '4243',
      'changed',
      { property: 'owner' },
    ]),
    mutation('an extra large object', `SELECT lo_create(777)`, ['large object', '777', 'extra']),
    mutation('the value of a sequence', `SELECT setval('shop.down', 98)`, ['sequence value', 'shop.down', 'changed']),
    mutation('whether a sequence was used', `SELECT setval('shop.untouched', 1, true)`, [
      'sequence value',
      'shop.untouched',
      'changed',
    ]),
    mutation('an index', `DROP INDEX shop.customers_doc`, ['index', 'shop.customers_doc', 'missing']),
    mutation('a trigger', `DROP TRIGGER checked ON shop."Order Items"`, ['trigger', `${items}.checked`, 'missing']),
    mutation('whether a trigger fires', `ALTER TABLE shop."Order Items" ENABLE TRIGGER touched`, [
      'trigger',
      `${items}.touched`,
      'changed',
      { property: 'enabled' },
    ]),
    mutation(
      'the body of a function',
      `CREATE OR REPLACE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'`,
      ['function', 'shop.touch()', 'changed', { property: 'definition' }],
    ),
    mutation('a setting of the database', `ALTER DATABASE DATABASE RESET statement_timeout`, [
      'setting',
      'database: statement_timeout',
      'missing',
    ]),
    mutation('a view', `CREATE OR REPLACE VIEW shop.rich AS SELECT id, name, status FROM shop.customers`, [
      'view',
      'shop.rich',
      'changed',
      { property: 'definition' },
    ]),
    mutation('a comment', `COMMENT ON TABLE shop.customers IS 'another'`, [
      'table',
      customers,
      'changed',
      { property: 'comment' },
    ]),
  ],
  [
    mutation('nothing instead of null', `UPDATE shop.customers SET secret = '' WHERE id = 100`, [
      'rows',
      customers,
      'changed',
      { row: 'id=100', column: 'secret' },
    ]),
    mutation('a large object', `SELECT lo_unlink(4243)`, ['large object', '4243', 'missing']),
    mutation('a right on a large object', `REVOKE SELECT ON LARGE OBJECT 4242 FROM kind_reader`, [
      'large object',
      '4242',
      'changed',
      { property: 'acl' },
    ]),
    mutation('a default', `ALTER TABLE shop.customers ALTER COLUMN status DROP DEFAULT`, [
      'column',
      `${customers}.status`,
      'changed',
      { property: 'default' },
    ]),
    mutation(
      'an index that is not valid',
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.customers_lower'::regclass`,
      ['index', 'shop.customers_lower', 'missing'],
    ),
    mutation('a check', `ALTER TABLE shop.base DROP CONSTRAINT alone`, ['constraint', 'shop.base.alone', 'missing']),
    mutation(
      'a foreign key that was never validated',
      `UPDATE pg_constraint SET convalidated = false WHERE conrelid = 'shop."Order Items"'::regclass AND contype = 'f'`,
      ['constraint', `${items}."Order Items_customer_fkey"`, 'changed', { property: 'validated' }],
    ),
    mutation(
      'the text of a check',
      `ALTER TABLE shop.customers DROP CONSTRAINT customers_status_check,
        ADD CONSTRAINT customers_status_check CHECK (status IN ('new', 'old', 'older'))`,
      ['constraint', `${customers}.customers_status_check`, 'changed', { property: 'definition' }],
    ),
    mutation('a right', `GRANT INSERT ON shop.empty TO kind_reader`, [
      'table',
      'shop.empty',
      'changed',
      { property: 'acl' },
    ]),
    mutation('a right on a column', `REVOKE UPDATE (name) ON shop.customers FROM kind_reader`, [
      'column',
      `${customers}.name`,
      'changed',
      { property: 'acl' },
    ]),
    mutation('a right on a schema', `REVOKE CREATE ON SCHEMA shop FROM kind_reader`, [
      'schema',
      'shop',
      'changed',
      { property: 'acl' },
    ]),
    mutation(
      'a default privilege',
      `ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner IN SCHEMA shop REVOKE SELECT ON TABLES FROM kind_reader`,
      ['default privileges', 'FOR ROLE kind_owner IN SCHEMA shop ON TABLES', 'missing'],
    ),
    mutation('a policy', `DROP POLICY own ON shop."Order Items"`, ['policy', `${items}.own`, 'missing']),
    mutation('the text of a policy', `ALTER POLICY everyone ON shop."Order Items" WITH CHECK (amount > 2)`, [
      'policy',
      `${items}.everyone`,
      'changed',
      { property: 'check' },
    ]),
    mutation('whether a policy binds the owner', `ALTER TABLE shop.forced NO FORCE ROW LEVEL SECURITY`, [
      'table',
      'shop.forced',
      'changed',
      { property: 'rowSecurityForced' },
    ]),
    mutation('a setting of a role in the database', `ALTER ROLE kind_reader IN DATABASE DATABASE RESET search_path`, [
      'setting',
      'role kind_reader in database: search_path',
      'missing',
    ]),
    mutation('an extension', `DROP EXTENSION pg_trgm`, ['extension', 'pg_trgm', 'missing']),
    mutation('a table of a publication', `ALTER PUBLICATION chosen DROP TABLE shop.base`, [
      'publication table',
      'chosen: shop.base',
      'missing',
    ]),
    mutation('a label of an enum', `ALTER TYPE shop.mood RENAME VALUE 'ok' TO 'okay'`, [
      'type',
      'shop.mood',
      'changed',
      { property: 'labels' },
    ]),
    mutation('a materialized view without data', `REFRESH MATERIALIZED VIEW shop.summary WITH NO DATA`, [
      'materialized view',
      'shop.summary',
      'changed',
      { property: 'populated' },
    ]),
    mutation('an owner', `ALTER TABLE shop.base OWNER TO kind_other`, [
      'table',
      'shop.base',
      'changed',
      { property: 'owner' },
    ]),
    mutation('a rule', `DROP RULE no_delete ON shop."Order Items"`, ['rule', `${items}.no_delete`, 'missing']),
    mutation('a statistics object', `DROP STATISTICS shop.customers_stats`, [
      'statistics',
      'shop.customers_stats',
      'missing',
    ]),
    mutation('a check of a domain', `ALTER DOMAIN shop.positive DROP CONSTRAINT above_zero`, [
      'domain constraint',
      'shop.positive.above_zero',
      'missing',
    ]),
    mutation('the kind of an identity', `ALTER TABLE shop.customers ALTER id SET GENERATED BY DEFAULT`, [
      'column',
      `${customers}.id`,
      'changed',
      { property: 'identity' },
    ]),
    mutation('the step of a sequence', `ALTER SEQUENCE shop.untouched INCREMENT 2`, [
      'sequence',
      'shop.untouched',
      'changed',
      { property: 'increment' },
    ]),
    mutation('the limit of connections', `ALTER DATABASE DATABASE CONNECTION LIMIT 21`, [
      'database',
      'database',
      'changed',
      { property: 'connectionLimit' },
    ]),
    mutation('an event trigger', `ALTER EVENT TRIGGER watch ENABLE`, [
      'event trigger',
      'watch',
      'changed',
      { property: 'enabled' },
    ]),
    mutation('an extra table', `CREATE TABLE shop.uninvited (a int)`, ['table', 'shop.uninvited', 'extra']),
  ],
  [
    mutation('a generated column', `ALTER TABLE shop.customers ALTER COLUMN upper_name DROP EXPRESSION`, [
      'column',
      `${customers}.upper_name`,
      'changed',
      { property: 'generated' },
    ]),
    mutation('a table', `DROP TABLE shop.volatile`, ['table', 'shop.volatile', 'missing']),
    mutation('a column', `ALTER TABLE "Élan vital"."Ta""ble" DROP COLUMN "select"`, [
      'column',
      `${strange}."select"`,
      'missing',
    ]),
    mutation('a partition', `ALTER TABLE shop.events DETACH PARTITION shop.events_2025`, [
      'table',
      'shop.events_2025',
      'changed',
      { property: 'partitionBound' },
    ]),
    mutation('a parent', `ALTER TABLE shop.grandchild NO INHERIT shop.second_parent`, [
      'table',
      'shop.grandchild',
      'changed',
      { property: 'parents' },
    ]),
    mutation('the options of a table', `ALTER TABLE shop.customers RESET (fillfactor)`, [
      'table',
      customers,
      'changed',
      { property: 'options' },
    ]),
    mutation('a right on the database', `GRANT TEMPORARY ON DATABASE DATABASE TO PUBLIC`, [
      'database',
      'database',
      'changed',
      { property: 'acl' },
    ]),
    mutation('what a publication publishes', `ALTER PUBLICATION chosen SET (publish = 'insert')`, [
      'publication',
      'chosen',
      'changed',
      { property: 'operations' },
    ]),
    mutation('a right on a function', `GRANT EXECUTE ON FUNCTION shop.add_tax(numeric, numeric) TO PUBLIC`, [
      'function',
      'shop.add_tax(numeric,numeric)',
      'changed',
      { property: 'acl' },
    ]),
    mutation('a right on a function of the system', `GRANT EXECUTE ON FUNCTION pg_sleep(float8) TO PUBLIC`, [
      'rights',
      'function pg_catalog.pg_sleep(double precision)',
      'missing',
    ]),
    mutation('a foreign server', `ALTER SERVER elsewhere OPTIONS (SET host 'elsewhere')`, [
      'server',
      'elsewhere',
      'changed',
      { property: 'options' },
    ]),
    mutation('a subscription', `DROP SUBSCRIPTION incoming`, ['subscription', 'incoming', 'missing']),
    mutation('a cast', `DROP CAST (shop.place AS text)`, ['cast', 'shop.place AS text', 'missing']),
    mutation('an operator', `DROP OPERATOR shop.=== (int, int)`, ['operator', 'shop.===(integer,integer)', 'missing']),
    mutation('an aggregate', `DROP AGGREGATE shop.total(numeric)`, ['aggregate', 'shop.total(numeric)', 'missing']),
    mutation('a dictionary', `ALTER TEXT SEARCH DICTIONARY shop.stemmer (language = german)`, [
      'text search dictionary',
      'shop.stemmer',
      'changed',
      { property: 'options' },
    ]),
    mutation('a unique constraint', `ALTER TABLE shop.customers DROP CONSTRAINT customers_email_key`, [
      'constraint',
      `${customers}.customers_email_key`,
      'missing',
    ]),
    mutation('an extra label of an enum', `ALTER TYPE shop.mood ADD VALUE 'new'`, [
      'type',
      'shop.mood',
      'changed',
      { property: 'labels' },
    ]),
    mutation('not null', `ALTER TABLE shop.events_2026 ALTER COLUMN body SET NOT NULL`, [
      'column',
      'shop.events_2026.body',
      'changed',
      { property: 'notNull' },
    ]),
    mutation('an extra rule', `CREATE RULE quiet AS ON UPDATE TO shop.refers DO INSTEAD NOTHING`, [
      'rule',
      'shop.refers.quiet',
      'extra',
    ]),
  ],
];
