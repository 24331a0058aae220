import type pg from 'pg';
import { fingerprintTables } from '../../database/fingerprint.ts';
import type { DataRelation } from '../../database/inventory-schema.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import { inCopy } from './copy-session.ts';

/**
 * What a materialized view of the copy holds: what its query gives here, something else, or a query whose result may
 * differ from one moment to the next, so that nothing can be said.
 */
export type ViewContents = 'as queried' | 'otherwise' | 'not repeatable';

/**
 * Whether the query, with the views that it reads, is a function of the tables alone: every function in it immutable, no
 * CURRENT_DATE or CURRENT_USER, no text of a value that a setting changes, no foreign table. Functions of the system are
 * in no dependency: they are found in the stored form of the query.
 */
const repeatableSql = `WITH RECURSIVE reads(oid) AS (
    SELECT $1::pg_catalog.regclass::pg_catalog.oid
    UNION SELECT d.refobjid FROM reads r JOIN pg_catalog.pg_rewrite w ON w.ev_class OPERATOR(pg_catalog.=) r.oid
      JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND d.objid OPERATOR(pg_catalog.=) w.oid AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass),
  queries AS (SELECT w.ev_action::pg_catalog.text AS q FROM reads r JOIN pg_catalog.pg_rewrite w ON w.ev_class OPERATOR(pg_catalog.=) r.oid)
  SELECT NOT EXISTS (SELECT FROM reads r JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.oid
      WHERE c.relkind OPERATOR(pg_catalog.=) 'f' OR c.relrowsecurity)
    AND NOT EXISTS (SELECT FROM queries WHERE q OPERATOR(pg_catalog.~) '\\{(SQLVALUEFUNCTION|COERCEVIAIO|NEXTVALUEEXPR|TABLESAMPLECLAUSE)')
    AND NOT EXISTS (SELECT FROM queries, pg_catalog.regexp_matches(q, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\\d+)', 'g') m
      JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) m[1]::pg_catalog.oid WHERE p.provolatile OPERATOR(pg_catalog.<>) 'i') AS repeatable`;

/**
 * Tells why a materialized view differs from the source's: refreshes it again, as a restore does, in a transaction that
 * is rolled back.
 */
export async function viewContents(
  { server, database }: { readonly server: RestoredServer; readonly database: string },
  views: readonly DataRelation[],
  signal?: AbortSignal,
): Promise<Map<string, ViewContents>> {
  const contents = new Map<string, ViewContents>();
  for (const view of views) {
    contents.set(view.name, await inCopy(server, database, (client) => contentsOf(client, view), signal));
  }
  return contents;
}

async function contentsOf(client: pg.Client, view: DataRelation): Promise<ViewContents> {
  const hash = async () => {
    const [found] = await fingerprintTables(client, [view]);
    return `${found?.rows} ${found?.hash}`;
  };
  const { rows } = await client.query<{ repeatable: boolean }>(repeatableSql, [view.name]);
  if (!rows[0]?.repeatable) return 'not repeatable';
  const held = await hash();
  try {
    // The settings that came with the database, as pg_restore had them: not the ones that hashes are read with.
    await client.query('RESET ALL');
    await client.query(`BEGIN; SET LOCAL search_path = ''; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
      SET TRANSACTION READ WRITE`);
    await client.query(`REFRESH MATERIALIZED VIEW ${view.name}`);
    return held === (await hash()) ? 'as queried' : 'otherwise';
  } finally {
    await client.query('ROLLBACK');
  }
}
