import pg from 'pg';
import type { DatabaseConfig } from '../platform/schema.ts';
import { plantedNext, plantedSql } from './own-objects.ts';

const refusePlanted = `-- A role that may create schemas could have made these objects first, with code that would run as this role.
DO $$
DECLARE
  found text;
BEGIN
  SELECT pg_catalog.string_agg(what, '; ') INTO found FROM (${plantedSql}) planted;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION '%', found USING HINT = ${pg.escapeLiteral(plantedNext)};
  END IF;
END $$;`;

/**
 * SQL, for a superuser and safe to run again, that lets the role of `database.connection` back up everything in the
 * database, and nothing more than that: it reads, and writes one heartbeat table.
 */
export function grantSql(database: DatabaseConfig): string {
  const role = pg.escapeIdentifier(database.connection.user);
  const name = pg.escapeIdentifier(database.connection.database);
  const literal = pg.escapeLiteral(database.connection.user);
  return `-- Rights for Socle's backups of ${JSON.stringify(database.name)}. Run as a superuser in the database ${JSON.stringify(database.connection.database)}:
--   socle database grant ${database.name} | psql -X -v ON_ERROR_STOP=1 -d ${JSON.stringify(database.connection.database)}
-- It can be run again at any time; before PostgreSQL 14 it has to be after new schemas and tables.
BEGIN;
-- What others may have put into other schemas is not found.
SET LOCAL search_path = pg_catalog, pg_temp;

-- The role. It gets no password here: use peer authentication, or set one with \\password.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${literal}) THEN
    CREATE ROLE ${role} LOGIN;
  END IF;
END $$;

-- pg_dump refuses to dump what row security would hide from it: this role sees all rows.
ALTER ROLE ${role} BYPASSRLS;
GRANT CONNECT ON DATABASE ${name} TO ${role};
GRANT pg_read_all_settings TO ${role};

-- All tables, views, sequences and schemas, those of tomorrow included.
DO $$
DECLARE
  s name;
BEGIN
  IF pg_catalog.current_setting('server_version_num')::int >= 140000 THEN
    GRANT pg_read_all_data TO ${role};
  ELSE
    FOR s IN SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
      EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', s, ${pg.escapeLiteral(role)});
      EXECUTE pg_catalog.format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %s', s, ${pg.escapeLiteral(role)});
      EXECUTE pg_catalog.format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO %s', s, ${pg.escapeLiteral(role)});
    END LOOP;
  END IF;
END $$;

-- One row that Socle writes now and then: what a restored copy holds of it shows how much would have been lost.
CREATE SCHEMA IF NOT EXISTS socle;
CREATE TABLE IF NOT EXISTS socle.heartbeat (writer text PRIMARY KEY, at timestamptz NOT NULL);
-- Nobody else has rights there, by default privileges or otherwise: a trigger on it would run as this role.
DO $$
DECLARE
  g record;
BEGIN
  FOR g IN SELECT DISTINCT a.grantee, pg_catalog.pg_get_userbyid(a.grantee) AS name
      FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
      WHERE c.oid = 'socle.heartbeat'::regclass AND a.grantee <> c.relowner LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON socle.heartbeat FROM %s',
      CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(g.name) END);
  END LOOP;
  FOR g IN SELECT DISTINCT a.grantee, pg_catalog.pg_get_userbyid(a.grantee) AS name
      FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
      WHERE n.nspname = 'socle' AND a.grantee <> n.nspowner LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA socle FROM %s',
      CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(g.name) END);
  END LOOP;
END $$;
${refusePlanted}
COMMENT ON TABLE socle.heartbeat IS 'Last sign of life of each writer: measures the data that a restore would lose.';
GRANT USAGE ON SCHEMA socle TO ${role};
GRANT SELECT, INSERT, UPDATE, DELETE ON socle.heartbeat TO ${role};

-- Large objects know no "all": each has rights of its own. This function lets the role read those that it cannot read
-- yet, and does nothing else; Socle calls it before each backup, so that the large objects of tomorrow are in it.
CREATE OR REPLACE FUNCTION socle.share_large_objects() RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part record;
  shared bigint := 0;
BEGIN
  -- A thousand to a statement: one for each took minutes for hundreds of thousands.
  FOR part IN
    SELECT pg_catalog.count(*) AS n, pg_catalog.string_agg(missing.oid::text, ', ') AS oids
    FROM (SELECT m.oid, pg_catalog.row_number() OVER (ORDER BY m.oid) AS place FROM pg_catalog.pg_largeobject_metadata m
      WHERE NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a
        WHERE a.privilege_type = 'SELECT' AND a.grantee = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = ${literal}))
    ) missing GROUP BY missing.place / 1000
  LOOP
    EXECUTE pg_catalog.format('GRANT SELECT ON LARGE OBJECT %s TO %I', part.oids, ${literal});
    shared := shared + part.n;
  END LOOP;
  RETURN shared;
END $$;
REVOKE ALL ON FUNCTION socle.share_large_objects() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.share_large_objects() TO ${role};

${refusePlanted}
SELECT socle.share_large_objects();
${
  database.role_passwords
    ? `
-- Password hashes of roles, because role_passwords is set.
GRANT SELECT ON pg_catalog.pg_authid TO ${role};
`
    : ''
}
COMMIT;
`;
}
