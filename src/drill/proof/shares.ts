import type pg from 'pg';
import type { DataRelation } from '../../database/inventory-schema.ts';
import { blockKey } from './data-summary.ts';

/** A table of the copy, and the space that it takes. */
export interface SizedTable {
  readonly schema: string;
  readonly table: string;
  /** With what is stored out of line; without indexes. */
  readonly bytes: number;
}

const sql = `SELECT n.nspname AS schema, c.relname AS "table", pg_catalog.pg_table_size(c.oid)::float8 AS bytes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

export async function sizedTables(client: pg.ClientBase): Promise<SizedTable[]> {
  return (await client.query<SizedTable>(sql)).rows;
}

/** So many tables are given away at most, the largest ones: they are what takes time, and every name is an argument. */
const most = 64;
/** A name in the argument of a program means the same in every encoding that a database can have. */
const plain = /^[\x20-\x7e]+$/;

/**
 * Which sessions dump which tables, as further arguments of one pg_dump each. The first session dumps the whole
 * database but for the tables that others take, so that nothing depends on what is listed here: a table that two of
 * them dumped, or none, is a difference.
 * @param relations of the source: tables that nobody expects, and those of extensions, stay with the first session
 */
export function shareOut(
  tables: readonly SizedTable[],
  relations: readonly DataRelation[],
  sessions: number,
): string[][] {
  const ordinary = new Set(
    relations.filter(({ kind }) => kind === 'table' || kind === 'partition').map((relation) => blockKey(relation)),
  );
  const byBytes = [...tables].sort((a, b) => b.bytes - a.bytes);
  const movable = byBytes
    .filter((table) => ordinary.has(blockKey(table)) && plain.test(table.schema) && plain.test(table.table))
    .slice(0, most);
  const shares = Array.from({ length: sessions }, () => ({ bytes: 0, patterns: [] as string[] }));
  const [first, ...others] = shares;
  if (!first) return [];
  const given = new Set(movable);
  for (const table of byBytes) if (!given.has(table)) first.bytes += table.bytes;
  for (const table of movable) {
    const least = shares.reduce((a, b) => (b.bytes < a.bytes ? b : a));
    least.bytes += table.bytes;
    least.patterns.push(pattern(table));
  }
  const taken = others.filter(({ patterns }) => patterns.length > 0).map(({ patterns }) => patterns);
  const everythingElse = taken.flat().map((name) => `--exclude-table-data=${name}`);
  return [everythingElse, ...taken.map((patterns) => patterns.map((name) => `--table=${name}`))];
}

/** A name as pg_dump's patterns take it literally. */
export function pattern({ schema, table }: { readonly schema: string; readonly table: string }): string {
  return [schema, table].map((name) => `"${name.replaceAll('"', '""')}"`).join('.');
}
