import type pg from 'pg';
import { fail } from '../kernel/errors.ts';
import type { DatabaseConfig } from '../platform/schema.ts';
import { ofUser, qualified } from './inventory-sql.ts';
import { pinSession } from './session.ts';

/** Something that the role cannot read, and the SQL that a superuser runs to change that. */
export interface Unreadable {
  readonly what: string;
  readonly fix: string;
}

const role = 'quote_ident(current_user)';

/** Schemas first: without USAGE nothing in them can be read. Objects of extensions count, their tables may hold rows. */
const schemasSql = `SELECT 'schema ' || quote_ident(n.nspname) AS what, format('GRANT USAGE ON SCHEMA %I TO %s', n.nspname, ${role}) AS fix
  FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT has_schema_privilege(n.oid, 'USAGE')
    AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'm', 'S'))`;

const relationsSql = `SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END || ${qualified('n', 'c.relname')} AS what,
    format('GRANT SELECT ON %s %s TO %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, ${qualified('n', 'c.relname')}, ${role}) AS fix
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'S') AND ${ofUser('n', 'c.oid')} AND NOT has_table_privilege(c.oid, 'SELECT')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')`;

const rowSecuritySql = `SELECT 'rows of ' || ${qualified('n', 'c.relname')} || ', which has row security' AS what,
    format('ALTER ROLE %s BYPASSRLS', ${role}) AS fix
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND ${ofUser('n', 'c.oid')}
    AND NOT (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.rolname = current_user)
    AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE'))`;

/** There is no function for it before PostgreSQL 18: owner, superuser, a grant, or the old way without rights. */
const largeObjectsSql = `SELECT 'large object ' || l.oid || ' of ' || pg_get_userbyid(l.lomowner) AS what,
    format('GRANT SELECT ON LARGE OBJECT %s TO %s', l.oid, ${role}) AS fix
  FROM pg_largeobject_metadata l
  WHERE NOT pg_has_role(l.lomowner, 'USAGE') AND current_setting('lo_compat_privileges') = 'off'
    AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT'
      AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))`;

const passwordsSql = `SELECT 'password hashes of roles, which role_passwords asks for' AS what,
    format('GRANT SELECT ON pg_catalog.pg_authid TO %s', ${role}) AS fix
  WHERE NOT has_table_privilege('pg_catalog.pg_authid', 'SELECT')`;

/** Everything that a backup needs and the connected role cannot read. */
export async function findUnreadable(client: pg.ClientBase, rolePasswords: boolean): Promise<Unreadable[]> {
  await pinSession(client);
  const queries = [schemasSql, relationsSql, rowSecuritySql, largeObjectsSql, ...(rolePasswords ? [passwordsSql] : [])];
  const { rows } = await client.query<Unreadable>(queries.map((sql) => `(${sql})`).join(' UNION ALL '));
  return rows;
}

/** How many are named in the message; `details` has all. */
const named = 20;

/** @throws `database-unreadable`, naming every object, with the SQL that helps */
export async function requireReadable(client: pg.ClientBase, database: DatabaseConfig): Promise<void> {
  const unreadable = await findUnreadable(client, database.role_passwords);
  if (unreadable.length === 0) return;
  const list = unreadable.slice(0, named).map(({ what }) => what);
  const more = unreadable.length > named ? ` and ${unreadable.length - named} more` : '';
  throw fail('database-unreadable', `${database.connection.user} cannot read ${list.join('; ')}${more}`, {
    unreadable: unreadable.map(({ what }) => what),
    sql: [...new Set(unreadable.map(({ fix }) => `${fix};`))],
    next:
      `run as a superuser in that database: socle database grant ${database.name} | psql -X -v ON_ERROR_STOP=1 ` +
      `-d ${database.connection.database}, then run the backup again`,
  });
}

/**
 * What no right short of superuser makes readable: pg_dump leaves it out without a word. Such a backup is incomplete.
 */
export async function findBlindSpots(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(
    `SELECT format('options of the user mapping for %s on server %I: only a superuser can read them',
         CASE WHEN u.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(u.usename) END, u.srvname) AS what
     FROM pg_user_mappings u JOIN pg_foreign_server s ON s.oid = u.srvid
     WHERE NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
       AND NOT (u.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE'))
       AND NOT (u.umuser <> 0 AND u.usename = current_user
         AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE')))
     ORDER BY 1`,
  );
  return rows.map((row) => row.what);
}
