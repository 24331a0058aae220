import type pg from 'pg';
import { findPlanted } from './own-objects.ts';

/** Lets the role read large objects made since the last time, where `socle database grant` allowed it to. */
export async function shareLargeObjects(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ may: boolean | null }>(
    `SELECT NOT pg_catalog.pg_is_in_recovery() AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AS may
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
     WHERE n.nspname OPERATOR(pg_catalog.=) 'socle' AND p.proname OPERATOR(pg_catalog.=) 'share_large_objects'
       AND p.pronargs OPERATOR(pg_catalog.=) 0 AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')`,
  );
  if (rows[0]?.may && (await findPlanted(client)).length === 0)
    await client.query('SELECT socle.share_large_objects()');
}
