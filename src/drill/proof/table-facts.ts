import type pg from 'pg';

/** What the catalog of the copy says about one table, to read and to name its rows. */
export interface TableFacts {
  /** Type of each column, by its name. */
  readonly types: ReadonlyMap<string, string>;
  /** `WHERE …` of an extension's configuration table: pg_dump dumps only such rows of it. */
  readonly condition: string | null;
}

const sql = `SELECT pg_catalog.jsonb_object_agg(a.attname, t.typname) AS types,
    (SELECT nullif(e.extcondition[config.position], '')
       FROM pg_catalog.pg_extension e, pg_catalog.unnest(e.extconfig) WITH ORDINALITY config(oid, position)
      WHERE config.oid = c.oid LIMIT 1) AS condition
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  WHERE n.nspname = $1 AND c.relname = $2 AND a.attname IS NOT NULL
  GROUP BY c.oid`;

export async function tableFacts(client: pg.ClientBase, schema: string, table: string): Promise<TableFacts> {
  const { rows } = await client.query<{ types: Record<string, string>; condition: string | null }>(sql, [
    schema,
    table,
  ]);
  return { types: new Map(Object.entries(rows[0]?.types ?? {})), condition: rows[0]?.condition ?? null };
}

/** Types whose values may stand in a report: they say which row, and nothing about anybody. */
const harmless = new Set('int2 int4 int8 oid numeric float4 float8 date timestamp timestamptz time uuid'.split(' '));

/** Whether these columns together may name a row in a report. */
export function mayNameRows(key: readonly string[], { types }: TableFacts): boolean {
  return key.length > 0 && key.every((column) => harmless.has(types.get(column) ?? ''));
}
