import { ident, literal, printed } from './draw.ts';
import { damage, newTable, type Part, qualify, type Schema, type Table } from './schema.ts';
import { columnTypes } from './values.ts';

const textColumn = columnTypes.filter(({ type }) => type === 'text');

/** A table of which `t` is a text column. */
function withText(schema: Schema): { table: Table; sql: string; t: string; column: string } {
  const { table, sql } = newTable(schema, { columns: textColumn, minimum: 1 });
  const name = table.columns[0]?.name ?? '';
  return { table, sql, t: ident(name), column: `${table.object}.${printed(name)}` };
}

/** Parts that are about definitions. */
export const schemaParts: Readonly<Record<string, (schema: Schema) => Part>> = {
  default(schema) {
    const { table, sql, t, column } = withText(schema);
    return {
      sql: `${sql}; ALTER TABLE ${table.sql} ALTER ${t} SET DEFAULT ${literal(schema.draw.name())}`,
      damages: [
        damage('a default', `ALTER TABLE ${table.sql} ALTER ${t} DROP DEFAULT`, [
          'column',
          column,
          'changed',
          'default',
        ]),
        damage('text of a default', `ALTER TABLE ${table.sql} ALTER ${t} SET DEFAULT 'other'`, [
          'column',
          column,
          'changed',
          'default',
        ]),
      ],
    };
  },
  'generated column'(schema) {
    const { table, sql, t } = withText(schema);
    return {
      sql: `${sql}; ALTER TABLE ${table.sql} ADD COLUMN made text GENERATED ALWAYS AS (upper(${t}) || 'x') STORED`,
      damages: [
        damage('a generated column', `ALTER TABLE ${table.sql} ALTER made DROP EXPRESSION`, [
          'column',
          `${table.object}.made`,
          'changed',
          'generated',
        ]),
      ],
    };
  },
  index(schema) {
    const { draw } = schema;
    const { table, sql, t } = withText(schema);
    const name = draw.name();
    const how = draw.pick([
      `(md5(${t}))`,
      `(id DESC NULLS LAST) WHERE ${t} IS NOT NULL`,
      `USING hash (${t})`,
      '(id) INCLUDE (id)',
    ]);
    const index = qualify(table.schema, name);
    return {
      sql: `${sql}; CREATE ${how.startsWith('(id D') ? 'UNIQUE' : ''} INDEX ${ident(name)} ON ${table.sql} ${how}`,
      damages: [
        damage('an index', `DROP INDEX ${index.sql}`, ['index', index.object, 'missing']),
        damage(
          'an invalid index',
          `SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false WHERE indexrelid = ${literal(index.sql)}::regclass`,
          ['index', index.object, 'missing'],
        ),
      ],
    };
  },
  constraint(schema) {
    const { draw } = schema;
    const { table, sql, t } = withText(schema);
    const name = draw.name();
    const object = `${table.object}.${printed(name)}`;
    const condition = draw.pick([`(${t} IS NULL OR length(${t}) < 100000)`, '(id > 0)', `(md5(${t}) <> 'x')`]);
    return {
      sql: `${sql}; ALTER TABLE ${table.sql} ADD CONSTRAINT ${ident(name)} CHECK ${condition}`,
      damages: [
        damage('a constraint', `ALTER TABLE ${table.sql} DROP CONSTRAINT ${ident(name)}`, [
          'constraint',
          object,
          'missing',
        ]),
        damage(
          'a constraint never validated',
          `SET allow_system_table_mods = on; UPDATE pg_constraint SET convalidated = false WHERE conname = ${literal(name)}`,
          ['constraint', object, 'changed', 'validated'],
        ),
      ],
    };
  },
  'varchar check'(schema) {
    const table = qualify(schema.draw.pick(schema.schemas), schema.draw.name());
    const object = `${table.object}.listed`;
    return {
      sql: `CREATE TABLE ${table.sql} (status varchar(20), CONSTRAINT listed CHECK (status IN ('a', 'b'))); INSERT INTO ${table.sql} VALUES ('a'), (NULL)`,
      damages: [
        damage(
          'text of a check',
          `ALTER TABLE ${table.sql} DROP CONSTRAINT listed, ADD CONSTRAINT listed CHECK (status IN ('a', 'b', 'c'))`,
          ['constraint', object, 'changed', 'definition'],
        ),
      ],
    };
  },
  'foreign key'(schema) {
    const { draw } = schema;
    const { table, sql } = newTable(schema, { minimum: 2 });
    const other = qualify(draw.pick(schema.schemas), draw.name());
    const name = draw.name();
    const object = `${other.object}.${printed(name)}`;
    return {
      sql: `${sql}; CREATE TABLE ${other.sql} (r int CONSTRAINT ${ident(name)} REFERENCES ${table.sql} ${draw.pick(['', 'ON DELETE CASCADE', 'DEFERRABLE INITIALLY DEFERRED'])});
        INSERT INTO ${other.sql} VALUES (1), (2), (NULL)`,
      damages: [
        damage('a foreign key', `ALTER TABLE ${other.sql} DROP CONSTRAINT ${ident(name)}`, [
          'constraint',
          object,
          'missing',
        ]),
      ],
    };
  },
  function(schema) {
    const { draw } = schema;
    const f = qualify(draw.pick(schema.schemas), draw.name());
    const body = (value: string) =>
      `CREATE OR REPLACE FUNCTION ${f.sql}(a integer) RETURNS text LANGUAGE sql IMMUTABLE AS $body$ SELECT ${literal(value)} -- ; $body$`;
    const object = `${f.object}(integer)`;
    return {
      sql: `${body(draw.name())}; COMMENT ON FUNCTION ${f.sql} IS ${literal(draw.name())}; REVOKE ALL ON FUNCTION ${f.sql} FROM PUBLIC`,
      damages: [
        damage('body of a function', body('other'), ['function', object, 'changed', 'definition']),
        damage('a function', `DROP FUNCTION ${f.sql}`, ['function', object, 'missing']),
        damage('right on a function', `GRANT EXECUTE ON FUNCTION ${f.sql} TO PUBLIC`, [
          'function',
          object,
          'changed',
          'acl',
        ]),
        damage('comment of a function', `COMMENT ON FUNCTION ${f.sql} IS 'other'`, [
          'function',
          object,
          'changed',
          'comment',
        ]),
      ],
    };
  },
  trigger(schema) {
    const { draw } = schema;
    const { table, sql } = newTable(schema);
    const f = qualify(table.schema, draw.name());
    const name = draw.name();
    const object = `${table.object}.${printed(name)}`;
    return {
      sql: `CREATE FUNCTION ${f.sql}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        ${sql}; CREATE TRIGGER ${ident(name)} ${draw.pick(['BEFORE UPDATE', 'AFTER INSERT OR DELETE'])} ON ${table.sql} FOR EACH ROW EXECUTE FUNCTION ${f.sql}()`,
      damages: [
        damage('a trigger', `DROP TRIGGER ${ident(name)} ON ${table.sql}`, ['trigger', object, 'missing']),
        damage('a disabled trigger', `ALTER TABLE ${table.sql} DISABLE TRIGGER ${ident(name)}`, [
          'trigger',
          object,
          'changed',
          'enabled',
        ]),
      ],
    };
  },
  rule(schema) {
    const { table, sql } = newTable(schema);
    const name = schema.draw.name();
    return {
      sql: `${sql}; CREATE RULE ${ident(name)} AS ON DELETE TO ${table.sql} WHERE old.id = -1 DO INSTEAD NOTHING`,
      damages: [
        damage('a rule', `DROP RULE ${ident(name)} ON ${table.sql}`, [
          'rule',
          `${table.object}.${printed(name)}`,
          'missing',
        ]),
      ],
    };
  },
  view(schema) {
    const { draw } = schema;
    const { table, sql } = newTable(schema);
    const view = qualify(draw.pick(schema.schemas), draw.name());
    return {
      sql: `${sql}; CREATE VIEW ${view.sql} AS SELECT * FROM ${table.sql} WHERE id > ${draw.upTo(9)}`,
      damages: [
        damage('text of a view', `CREATE OR REPLACE VIEW ${view.sql} AS SELECT * FROM ${table.sql} WHERE id > 77`, [
          'view',
          view.object,
          'changed',
          'definition',
        ]),
        damage('a view', `DROP VIEW ${view.sql}`, ['view', view.object, 'missing']),
      ],
    };
  },
  'materialized view'(schema) {
    const { draw } = schema;
    const { table, sql } = newTable(schema);
    const view = qualify(draw.pick(schema.schemas), draw.name());
    return {
      sql: `${sql}; CREATE MATERIALIZED VIEW ${view.sql} AS SELECT id % 3 AS r, count(*) FROM ${table.sql} GROUP BY 1; CREATE UNIQUE INDEX ON ${view.sql} (r)`,
      damages: [
        damage('a materialized view without data', `REFRESH MATERIALIZED VIEW ${view.sql} WITH NO DATA`, [
          'materialized view',
          view.object,
          'changed',
          'populated',
        ]),
      ],
    };
  },
  comment(schema) {
    const { table, sql, t, column } = withText(schema);
    return {
      sql: `${sql}; COMMENT ON TABLE ${table.sql} IS ${literal(schema.draw.name())}; COMMENT ON COLUMN ${table.sql}.${t} IS ${literal(schema.draw.name())}`,
      damages: [
        damage('a comment', `COMMENT ON TABLE ${table.sql} IS NULL`, ['table', table.object, 'changed', 'comment']),
        damage('comment of a column', `COMMENT ON COLUMN ${table.sql}.${t} IS 'other'`, [
          'column',
          column,
          'changed',
          'comment',
        ]),
      ],
    };
  },
  statistics(schema) {
    const { table, sql, t } = withText(schema);
    const statistics = qualify(table.schema, schema.draw.name());
    return {
      sql: `${sql}; CREATE STATISTICS ${statistics.sql} ON id, ${t} FROM ${table.sql}`,
      damages: [
        damage('a statistics object', `DROP STATISTICS ${statistics.sql}`, [
          'statistics',
          statistics.object,
          'missing',
        ]),
      ],
    };
  },
};
