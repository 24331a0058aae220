import fc from 'fast-check';
import { ident, literal, printed } from './draw.ts';
import { changeValue, damage, newTable, type Part, qualify, type Schema } from './schema.ts';
import { columnTypes, text } from './values.ts';

/** Parts whose rows, sequences or large objects matter most. */
export const dataParts: Readonly<Record<string, (schema: Schema) => Part>> = {
  'table with a key'(schema) {
    const { table, sql } = newTable(schema, { minimum: 1 });
    const id = 1 + schema.draw.upTo(table.rows - 1);
    const changed = changeValue(schema, table);
    const row = { kind: 'rows', object: table.object };
    return {
      sql,
      damages: [
        ...(changed ? [changed] : []),
        {
          kind: 'a missing row',
          sql: `DELETE FROM ${table.sql} WHERE id = ${id}`,
          names: { ...row, problem: 'missing', row: `id=${id}` },
        },
        {
          kind: 'an extra row',
          sql: `INSERT INTO ${table.sql} (id) VALUES (0)`,
          names: { ...row, problem: 'extra', row: 'id=0' },
        },
      ],
    };
  },
  'table without a key'(schema) {
    const { draw } = schema;
    const name = draw.name();
    const { sql, object } = qualify(draw.pick(schema.schemas), name);
    const column = draw.name();
    const c = ident(column);
    const values = draw.of(fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), text), { minLength: 1, maxLength: 9 }));
    const rows = values.map(([a, b]) => `(${a}, ${literal(b.replaceAll('\0', '').toWellFormed())})`);
    const one = `ctid = (SELECT max(ctid) FROM ${sql})`;
    return {
      sql: `CREATE TABLE ${sql} (a int, ${c} text); INSERT INTO ${sql} VALUES ${rows.join(', ')}, (9, 'last')`,
      damages: [
        {
          kind: 'a changed value without a key',
          sql: `UPDATE ${sql} SET ${c} = 'LAST' WHERE ${one}`,
          names: { kind: 'rows', object, problem: 'changed', column },
        },
        {
          kind: 'a missing row without a key',
          sql: `DELETE FROM ${sql} WHERE ${one}`,
          names: { kind: 'rows', object, problem: 'missing', row: `row ${rows.length + 1}` },
        },
        {
          kind: 'an extra row without a key',
          sql: `INSERT INTO ${sql} VALUES (1, 'more')`,
          names: { kind: 'rows', object, problem: 'extra' },
        },
      ],
    };
  },
  'empty table'(schema) {
    const { sql, object } = qualify(schema.draw.pick(schema.schemas), schema.draw.name());
    return {
      sql: `CREATE TABLE ${sql} (a int)`,
      damages: [
        {
          kind: 'a row in an empty table',
          sql: `INSERT INTO ${sql} VALUES (1)`,
          names: { kind: 'rows', object, problem: 'extra' },
        },
      ],
    };
  },
  'table without columns'(schema) {
    const { sql, object } = qualify(schema.draw.pick(schema.schemas), schema.draw.name());
    const rows = schema.draw.upTo(3);
    return {
      sql: `CREATE TABLE ${sql} (); ${`INSERT INTO ${sql} DEFAULT VALUES;`.repeat(rows)}`,
      damages: [
        {
          kind: 'a row without columns',
          sql: `INSERT INTO ${sql} DEFAULT VALUES`,
          names: { kind: 'rows', object, problem: 'extra' },
        },
      ],
    };
  },
  'table with a fillfactor'(schema) {
    const { table, sql } = newTable(schema, { tail: 'WITH (fillfactor = 20)', minimum: 6 });
    return {
      sql: `${sql}; UPDATE ${table.sql} SET id = id WHERE id % 2 = 0`,
      damages: [
        damage('options of a table', `ALTER TABLE ${table.sql} RESET (fillfactor)`, [
          'table',
          table.object,
          'changed',
          'options',
        ]),
      ],
    };
  },
  'unlogged table'(schema) {
    const { table, sql } = newTable(schema);
    return {
      sql: `${sql}; ALTER TABLE ${table.sql} SET UNLOGGED`,
      damages: [
        damage('persistence', `ALTER TABLE ${table.sql} SET LOGGED`, ['table', table.object, 'changed', 'persistence']),
      ],
    };
  },
  'identity column'(schema) {
    const { draw } = schema;
    const name = draw.name();
    const { sql, object } = qualify(draw.pick(schema.schemas), name);
    const from = 1 + draw.upTo(1_000);
    return {
      sql: `CREATE TABLE ${sql} (i bigint GENERATED ${draw.chance() ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY (START ${from}), a int);
        INSERT INTO ${sql} (a) VALUES (1), (2)`,
      damages: [
        {
          kind: 'value of an identity',
          sql: `SELECT setval(pg_get_serial_sequence(${literal(sql)}, 'i'), ${from + 50})`,
          names: { kind: 'sequence value', problem: 'changed' },
        },
        damage('an identity', `ALTER TABLE ${sql} ALTER i DROP IDENTITY`, [
          'column',
          `${object}.i`,
          'changed',
          'identity',
        ]),
      ],
    };
  },
  sequence(schema) {
    const { draw } = schema;
    const { sql, object } = qualify(draw.pick(schema.schemas), draw.name());
    const step = draw.pick([1, 5, -2]);
    return {
      sql: `CREATE SEQUENCE ${sql} INCREMENT ${step} MINVALUE -1000 MAXVALUE 1000 START 7 ${draw.chance() ? 'CYCLE' : ''};
        SELECT nextval(${literal(sql)}) FROM generate_series(1, ${draw.upTo(4)})`,
      damages: [
        {
          kind: 'value of a sequence',
          sql: `SELECT setval(${literal(sql)}, 99)`,
          names: { kind: 'sequence value', object, problem: 'changed' },
        },
        damage('step of a sequence', `ALTER SEQUENCE ${sql} INCREMENT 3`, ['sequence', object, 'changed', 'increment']),
      ],
    };
  },
  'large object'({ draw, roles }) {
    const oid = 100_000 + draw.upTo(900_000);
    const size = draw.pick([0, 1, 2_048, 40_000]);
    const bytes = draw.of(fc.uint8Array({ minLength: 1, maxLength: 8 }));
    const hex = Buffer.from(bytes)
      .toString('hex')
      .repeat(Math.ceil(size / bytes.length));
    const names = { kind: 'large object', object: String(oid) };
    return {
      sql: `SELECT lo_from_bytea(${oid}, '\\x${hex.slice(0, size * 2)}'); ALTER LARGE OBJECT ${oid} OWNER TO ${ident(roles.owner)};
        GRANT SELECT ON LARGE OBJECT ${oid} TO ${ident(roles.reader)}; COMMENT ON LARGE OBJECT ${oid} IS ${literal(draw.name())}`,
      damages: [
        {
          kind: 'a byte of a large object',
          sql: `SELECT lo_put(${oid}, ${draw.upTo(size)}, '\\x0123456789abcdef')`,
          names: { ...names, problem: 'changed', property: 'content' },
        },
        damage('owner of a large object', `ALTER LARGE OBJECT ${oid} OWNER TO ${ident(roles.reader)}`, [
          'large object',
          String(oid),
          'changed',
          'owner',
        ]),
        damage('right on a large object', `REVOKE ALL ON LARGE OBJECT ${oid} FROM ${ident(roles.reader)}`, [
          'large object',
          String(oid),
          'changed',
          'acl',
        ]),
        { kind: 'a missing large object', sql: `SELECT lo_unlink(${oid})`, names: { ...names, problem: 'missing' } },
        damage('comment of a large object', `COMMENT ON LARGE OBJECT ${oid} IS NULL`, [
          'large object',
          String(oid),
          'changed',
          'comment',
        ]),
      ],
    };
  },
  partitions(schema) {
    const { draw } = schema;
    const home = draw.pick(schema.schemas);
    const root = qualify(home, draw.name());
    const leaves = [0, 1].map(() => qualify(draw.pick(schema.schemas), draw.name())) as [typeof root, typeof root];
    const type = draw.pick(columnTypes);
    const list = draw.chance();
    const bounds = list ? ['IN (0, 2)', 'IN (1, 3)'] : ['FROM (0) TO (2)', 'FROM (2) TO (4)'];
    return {
      sql: `CREATE TABLE ${root.sql} (k int NOT NULL, v ${type.type}, id int, PRIMARY KEY (id, k)) PARTITION BY ${list ? 'LIST' : 'RANGE'} (k);
        CREATE TABLE ${leaves[0].sql} PARTITION OF ${root.sql} FOR VALUES ${bounds[0]};
        CREATE TABLE ${leaves[1].sql} (id int NOT NULL, v ${type.type}, gone int, k int NOT NULL); ALTER TABLE ${leaves[1].sql} DROP COLUMN gone;
        ALTER TABLE ${root.sql} ATTACH PARTITION ${leaves[1].sql} FOR VALUES ${bounds[1]};
        INSERT INTO ${root.sql} (id, k) SELECT i, i % 4 FROM generate_series(1, 20) i`,
      damages: [
        {
          kind: 'a missing row of a partition',
          sql: `DELETE FROM ${root.sql} WHERE id = 4`,
          names: { kind: 'rows', object: leaves[0].object, problem: 'missing', row: list ? 'id=4, k=0' : 'id=4, k=0' },
        },
        damage('a partition', `ALTER TABLE ${root.sql} DETACH PARTITION ${leaves[1].sql}`, [
          'table',
          leaves[1].object,
          'changed',
          'partitionBound',
        ]),
      ],
    };
  },
  inheritance(schema) {
    const { draw } = schema;
    const parent = qualify(draw.pick(schema.schemas), draw.name());
    const child = qualify(draw.pick(schema.schemas), draw.name());
    return {
      sql: `CREATE TABLE ${parent.sql} (a int); CREATE TABLE ${child.sql} (id int PRIMARY KEY) INHERITS (${parent.sql});
        ALTER TABLE ${parent.sql} ADD COLUMN late text DEFAULT 'd'; INSERT INTO ${parent.sql} VALUES (1), (2);
        INSERT INTO ${child.sql} (id, a) SELECT i, i FROM generate_series(1, 9) i`,
      damages: [
        {
          kind: 'a changed value of a child',
          sql: `UPDATE ${child.sql} SET late = 'x' WHERE id = 5`,
          names: { kind: 'rows', object: child.object, problem: 'changed', row: 'id=5', column: 'late' },
        },
        damage('a parent', `ALTER TABLE ${child.sql} NO INHERIT ${parent.sql}`, [
          'table',
          child.object,
          'changed',
          'parents',
        ]),
      ],
    };
  },
  enum(schema) {
    const { draw } = schema;
    const type = qualify(draw.pick(schema.schemas), draw.name());
    const table = qualify(draw.pick(schema.schemas), draw.name());
    const labels = [draw.name(), draw.name(), draw.name()] as const;
    return {
      sql: `CREATE TYPE ${type.sql} AS ENUM (${labels.map(literal).join(', ')}); CREATE TABLE ${table.sql} (id int PRIMARY KEY, m ${type.sql}, ms ${type.sql}[]);
        INSERT INTO ${table.sql} VALUES (1, ${literal(labels[0])}, ARRAY[${labels.map(literal).join(', ')}]::${type.sql}[]), (2, NULL, '{}')`,
      damages: [
        damage('label of an enum', `ALTER TYPE ${type.sql} RENAME VALUE ${literal(labels[1])} TO 'renamed'`, [
          'type',
          type.object,
          'changed',
          'labels',
        ]),
        {
          kind: 'a value of an enum',
          sql: `UPDATE ${table.sql} SET m = ${literal(labels[2])} WHERE id = 1`,
          names: { kind: 'rows', object: table.object, problem: 'changed', row: 'id=1', column: 'm' },
        },
      ],
    };
  },
  'composite type'(schema) {
    const { draw } = schema;
    const type = qualify(draw.pick(schema.schemas), draw.name());
    const table = qualify(draw.pick(schema.schemas), draw.name());
    const attribute = draw.name();
    return {
      sql: `CREATE TYPE ${type.sql} AS (n int, ${ident(attribute)} text); CREATE TABLE ${table.sql} (id int PRIMARY KEY, c ${type.sql});
        INSERT INTO ${table.sql} VALUES (1, ROW(1, ${literal(draw.name())})), (2, NULL), (3, ROW(NULL, ''))`,
      damages: [
        damage('attribute of a type', `ALTER TYPE ${type.sql} ADD ATTRIBUTE more int`, [
          'type',
          type.object,
          'changed',
          'attributes',
        ]),
        {
          kind: 'a value of a composite type',
          sql: `UPDATE ${table.sql} SET c = ROW(1, 'x') WHERE id = 3`,
          names: { kind: 'rows', object: table.object, problem: 'changed', row: 'id=3', column: 'c' },
        },
      ],
    };
  },
  'range type'(schema) {
    const { draw, roles } = schema;
    const type = qualify(draw.pick(schema.schemas), draw.name());
    const table = qualify(draw.pick(schema.schemas), draw.name());
    return {
      sql: `CREATE TYPE ${type.sql} AS RANGE (subtype = float8, subtype_diff = float8mi); CREATE TABLE ${table.sql} (id int PRIMARY KEY, r ${type.sql});
        INSERT INTO ${table.sql} VALUES (1, '[1,2.5)'), (2, 'empty'), (3, '(,NaN]')`,
      damages: [
        damage('owner of a type', `ALTER TYPE ${type.sql} OWNER TO ${ident(roles.owner)}`, [
          'type',
          type.object,
          'changed',
          'owner',
        ]),
      ],
    };
  },
  domain(schema) {
    const { draw } = schema;
    const type = qualify(draw.pick(schema.schemas), draw.name());
    const table = qualify(draw.pick(schema.schemas), draw.name());
    const check = draw.name();
    return {
      sql: `CREATE DOMAIN ${type.sql} AS ${draw.pick(['integer', 'bigint'])} DEFAULT 7 CONSTRAINT ${ident(check)} CHECK (VALUE > 0);
        CREATE TABLE ${table.sql} (id int PRIMARY KEY, d ${type.sql}); INSERT INTO ${table.sql} (id) VALUES (1), (2)`,
      damages: [
        damage('check of a domain', `ALTER DOMAIN ${type.sql} DROP CONSTRAINT ${ident(check)}`, [
          'domain constraint',
          `${type.object}.${printed(check)}`,
          'missing',
        ]),
        damage('default of a domain', `ALTER DOMAIN ${type.sql} SET DEFAULT 8`, [
          'domain',
          type.object,
          'changed',
          'default',
        ]),
      ],
    };
  },
};
