import { ident, literal, printed } from './draw.ts';
import { damage, newTable, type Part, qualify, type Schema } from './schema.ts';

/** Parts about roles, rights, settings, extensions and publications. */
export const rightsParts: Readonly<Record<string, (schema: Schema) => Part>> = {
  role({ roles }) {
    const object = `role ${printed(roles.reader)}: work_mem`;
    const role = ident(roles.reader);
    return {
      sql: 'SELECT 1',
      damages: [
        {
          ...damage('setting of a role', `ALTER ROLE ${role} SET work_mem = '7MB'`, ['setting', object, 'extra']),
          undo: `ALTER ROLE ${role} RESET work_mem`,
        },
        {
          ...damage('attribute of a role', `ALTER ROLE ${role} CREATEDB`, [
            'role',
            printed(roles.reader),
            'changed',
            'createDatabase',
          ]),
          undo: `ALTER ROLE ${role} NOCREATEDB`,
        },
        {
          ...damage('a membership', `REVOKE ${ident(roles.owner)} FROM ${role}`, [
            'membership',
            `${printed(roles.reader)} IN ${printed(roles.owner)} GRANTED BY postgres`,
            'missing',
          ]),
          undo: `GRANT ${ident(roles.owner)} TO ${role}`,
        },
      ],
    };
  },
  owner(schema) {
    const { table, sql } = newTable(schema);
    return {
      sql: `${sql}; ALTER TABLE ${table.sql} OWNER TO ${ident(schema.roles.owner)}`,
      damages: [
        damage('an owner', `ALTER TABLE ${table.sql} OWNER TO ${ident(schema.roles.reader)}`, [
          'table',
          table.object,
          'changed',
          'owner',
        ]),
      ],
    };
  },
  grant(schema) {
    const { draw, roles } = schema;
    const { table, sql } = newTable(schema);
    const reader = ident(roles.reader);
    return {
      sql: `${sql}; GRANT SELECT${draw.chance() ? ', INSERT' : ''} ON ${table.sql} TO ${reader} ${draw.chance() ? 'WITH GRANT OPTION' : ''}; GRANT UPDATE (id) ON ${table.sql} TO ${reader}`,
      damages: [
        damage('a right', `REVOKE SELECT ON ${table.sql} FROM ${reader}`, ['table', table.object, 'changed', 'acl']),
        damage('an extra right', `GRANT DELETE ON ${table.sql} TO PUBLIC`, ['table', table.object, 'changed', 'acl']),
        damage('a right on a column', `REVOKE UPDATE (id) ON ${table.sql} FROM ${reader}`, [
          'column',
          `${table.object}.id`,
          'changed',
          'acl',
        ]),
      ],
    };
  },
  'default privileges'({ draw, roles, schemas }) {
    const schema = draw.pick(schemas);
    const what = `ALTER DEFAULT PRIVILEGES FOR ROLE ${ident(roles.owner)} IN SCHEMA ${ident(schema)}`;
    return {
      sql: `${what} GRANT SELECT ON TABLES TO ${ident(roles.reader)}`,
      damages: [
        damage('a default privilege', `${what} REVOKE SELECT ON TABLES FROM ${ident(roles.reader)}`, [
          'default privileges',
          `FOR ROLE ${printed(roles.owner)} IN SCHEMA ${printed(schema)} ON TABLES`,
          'missing',
        ]),
      ],
    };
  },
  'row security'(schema) {
    const { draw, roles } = schema;
    const { table, sql } = newTable(schema, { minimum: 1 });
    const name = draw.name();
    const object = `${table.object}.${printed(name)}`;
    return {
      sql: `${sql}; ALTER TABLE ${table.sql} ENABLE ROW LEVEL SECURITY${draw.chance() ? ', FORCE ROW LEVEL SECURITY' : ''};
        CREATE POLICY ${ident(name)} ON ${table.sql} TO ${ident(roles.reader)} USING (id > ${draw.upTo(9)}) WITH CHECK (id <> 5)`,
      damages: [
        damage('a policy', `DROP POLICY ${ident(name)} ON ${table.sql}`, ['policy', object, 'missing']),
        damage('text of a policy', `ALTER POLICY ${ident(name)} ON ${table.sql} USING (true)`, [
          'policy',
          object,
          'changed',
          'using',
        ]),
        damage('row security', `ALTER TABLE ${table.sql} DISABLE ROW LEVEL SECURITY`, [
          'table',
          table.object,
          'changed',
          'rowSecurity',
        ]),
      ],
    };
  },
  'database setting'({ draw }) {
    return {
      sql: `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''${1 + draw.upTo(9)}MB''', current_database()); END $$`,
      damages: [
        damage('setting of the database', 'ALTER DATABASE DATABASE RESET work_mem', [
          'setting',
          'database: work_mem',
          'missing',
        ]),
      ],
    };
  },
  'setting of a role in the database'({ draw, roles }) {
    return {
      sql: `DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = %I', ${literal(roles.reader)}, current_database(), ${literal(draw.name())}); END $$`,
      damages: [
        damage(
          'setting of a role in the database',
          `ALTER ROLE ${ident(roles.reader)} IN DATABASE DATABASE RESET search_path`,
          ['setting', `role ${printed(roles.reader)} in database: search_path`, 'missing'],
        ),
      ],
    };
  },
  'right on the database'({ roles }) {
    return {
      sql: `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO %I', current_database(), ${literal(roles.reader)}); END $$`,
      damages: [
        damage('a right on the database', `REVOKE CREATE ON DATABASE DATABASE FROM ${ident(roles.reader)}`, [
          'database',
          'database',
          'changed',
          'acl',
        ]),
      ],
    };
  },
  extension({ draw, schemas }) {
    const name = draw.pick(['pg_trgm', 'hstore', 'btree_gist', 'pgcrypto', 'citext']);
    return {
      sql: `CREATE EXTENSION ${name} SCHEMA ${ident(draw.pick(schemas))}`,
      damages: [
        damage('an extension', `DROP EXTENSION ${name}`, ['extension', name, 'missing']),
        damage(
          'version of an extension',
          `SET allow_system_table_mods = on; UPDATE pg_extension SET extversion = '0.9' WHERE extname = '${name}'`,
          ['extension', name, 'changed', 'version'],
        ),
      ],
    };
  },
  publication(schema) {
    const { draw } = schema;
    const { table, sql } = newTable(schema);
    const name = draw.name().replace('\n', ' ');
    return {
      sql: `${sql}; CREATE PUBLICATION ${ident(name)} FOR TABLE ${table.sql} WHERE (id > ${draw.upTo(9)})`,
      damages: [
        damage('a publication', `DROP PUBLICATION ${ident(name)}`, ['publication', printed(name), 'missing']),
        damage('table of a publication', `ALTER PUBLICATION ${ident(name)} DROP TABLE ${table.sql}`, [
          'publication table',
          `${printed(name)}: ${table.object}`,
          'missing',
        ]),
        damage('filter of a publication', `ALTER PUBLICATION ${ident(name)} SET TABLE ${table.sql} WHERE (id > 99)`, [
          'publication table',
          `${printed(name)}: ${table.object}`,
          'changed',
          'filter',
        ]),
      ],
    };
  },
  'right on a schema'({ draw, schemas, roles }) {
    const schema = draw.pick(schemas);
    return {
      sql: `GRANT USAGE, CREATE ON SCHEMA ${ident(schema)} TO ${ident(roles.reader)}; COMMENT ON SCHEMA ${ident(schema)} IS ${literal(draw.name())}`,
      damages: [
        damage('a right on a schema', `REVOKE CREATE ON SCHEMA ${ident(schema)} FROM ${ident(roles.reader)}`, [
          'schema',
          printed(schema),
          'changed',
          'acl',
        ]),
        damage('comment of a schema', `COMMENT ON SCHEMA ${ident(schema)} IS NULL`, [
          'schema',
          printed(schema),
          'changed',
          'comment',
        ]),
      ],
    };
  },
  'column that was dropped'(schema) {
    const { table, sql } = newTable(schema, { minimum: 1 });
    const name = qualify(table.schema, table.name);
    return {
      sql: `${sql}; ALTER TABLE ${table.sql} ADD COLUMN gone int; ALTER TABLE ${table.sql} ADD COLUMN stays int DEFAULT 3; ALTER TABLE ${table.sql} DROP COLUMN gone`,
      damages: [
        damage('a column', `ALTER TABLE ${table.sql} DROP COLUMN stays`, ['column', `${name.object}.stays`, 'missing']),
        damage('an extra column', `ALTER TABLE ${table.sql} ADD COLUMN uninvited int`, [
          'column',
          `${name.object}.uninvited`,
          'extra',
        ]),
        damage('a table', `DROP TABLE ${table.sql}`, ['table', table.object, 'missing']),
      ],
    };
  },
};
