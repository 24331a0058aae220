import type pg from 'pg';

const foreign = (owner: string) =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid OPERATOR(pg_catalog.=) ${owner} AND r.rolsuper)`;
const isHeartbeat = `n.nspname OPERATOR(pg_catalog.=) 'socle' AND c.relname OPERATOR(pg_catalog.=) 'heartbeat'`;
const relation = 'pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace';
const same = (one: string, other: string) => `${one} OPERATOR(pg_catalog.=) ${other}`;
const others = (acl: string, owner: string, privilege: string) =>
  `EXISTS (SELECT FROM pg_catalog.aclexplode(${acl}) a WHERE ${same('a.privilege_type', `'${privilege}'`)}
     AND a.grantee OPERATOR(pg_catalog.<>) ${owner} AND ${foreign('a.grantee')})`;

/**
 * SQL: one row of `what` for each reason not to touch what \`socle database grant\` made. Whoever may create a schema can
 * make these objects first, and what they carry (a trigger, a rule, a view, a default) would run with the rights of the
 * role that backs up, which reads everything. Names are qualified: it runs with any search_path.
 */
export const plantedSql = `
  SELECT 'the schema socle belongs to ' OPERATOR(pg_catalog.||) pg_catalog.pg_get_userbyid(n.nspowner)
      OPERATOR(pg_catalog.||) ', which is no superuser' AS what
    FROM pg_catalog.pg_namespace n WHERE ${same('n.nspname', `'socle'`)} AND ${foreign('n.nspowner')}
  UNION ALL SELECT 'roles that are no superuser may create objects in the schema socle'
    FROM pg_catalog.pg_namespace n WHERE ${same('n.nspname', `'socle'`)} AND ${others('n.nspacl', 'n.nspowner', 'CREATE')}
  UNION ALL SELECT 'socle.heartbeat belongs to ' OPERATOR(pg_catalog.||) pg_catalog.pg_get_userbyid(c.relowner)
      OPERATOR(pg_catalog.||) ', which is no superuser'
    FROM ${relation} WHERE ${isHeartbeat} AND ${foreign('c.relowner')}
  UNION ALL SELECT 'roles that are no superuser may put triggers on socle.heartbeat'
    FROM ${relation} WHERE ${isHeartbeat} AND ${others('c.relacl', 'c.relowner', 'TRIGGER')}
  UNION ALL SELECT 'socle.heartbeat is not the plain table that Socle makes'
    FROM ${relation} WHERE ${isHeartbeat} AND (c.relkind OPERATOR(pg_catalog.<>) 'r'
      OR c.relhasrules OR c.relrowsecurity OR c.relforcerowsecurity OR c.reloftype OPERATOR(pg_catalog.<>) 0
      OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE ${same('t.tgrelid', 'c.oid')} AND NOT t.tgisinternal)
      OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE ${same('i.inhrelid', 'c.oid')} OR ${same('i.inhparent', 'c.oid')})
      OR EXISTS (SELECT FROM pg_catalog.pg_attrdef d WHERE ${same('d.adrelid', 'c.oid')})
      OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE (${same('k.conrelid', 'c.oid')} OR ${same('k.confrelid', 'c.oid')})
        AND k.contype NOT IN ('p', 'n'))
      OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE ${same('i.indrelid', 'c.oid')}
        AND (NOT i.indisprimary OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
      OR (SELECT pg_catalog.string_agg((a.attname::text OPERATOR(pg_catalog.||) ' ')
            OPERATOR(pg_catalog.||) pg_catalog.format_type(a.atttypid, a.atttypmod), ',' ORDER BY a.attname)
          FROM pg_catalog.pg_attribute a WHERE ${same('a.attrelid', 'c.oid')} AND a.attnum OPERATOR(pg_catalog.>) 0
            AND NOT a.attisdropped)
        IS DISTINCT FROM 'at timestamp with time zone,writer text')
  UNION ALL SELECT 'socle.share_large_objects() is not the function that Socle makes, owned by a superuser'
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON ${same('n.oid', 'p.pronamespace')}
    WHERE ${same('n.nspname', `'socle'`)} AND ${same('p.proname', `'share_large_objects'`)}
      AND (${foreign('p.proowner')} OR NOT p.prosecdef OR p.pronargs OPERATOR(pg_catalog.<>) 0)`;

/** What a person does about it. */
export const plantedNext =
  'see who made it (`\\dn+ socle`, `\\d+ socle.heartbeat` in psql), then as a superuser `DROP SCHEMA socle CASCADE` and ' +
  'run `socle database grant` again';

/** Why Socle leaves alone what is called socle.* in this database; empty where nothing is wrong, or nothing is there. */
export async function findPlanted(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(plantedSql);
  return rows.map(({ what }) => what);
}
