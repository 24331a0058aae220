import type pg from 'pg';
import { countRows } from '../../database/counts.ts';
import { fingerprintLargeObjects, fingerprintTables, largeObjectsName } from '../../database/fingerprint.ts';
import type { DataRelation, Fingerprint, Inventory, RowCount } from '../../database/inventory-schema.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import { inCopy } from './copy-session.ts';

/** Rows of the copy by table. Tables that the copy has not are left out. */
export async function countCopy(
  server: RestoredServer,
  database: string,
  relations: readonly DataRelation[],
  copy: Inventory,
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const here = new Set(copy.relations.map(({ name }) => name));
  const countable = relations.filter(({ name }) => here.has(name));
  const empty = unpopulated(copy);
  const wanted = countable.filter(({ name }) => !empty.has(name));
  const rows = await inCopy(server, database, (client) => countRows(client, wanted), signal);
  return new Map(rows.map((row) => [row.name, row.rows]));
}

/** A materialized view without data cannot be read. */
function unpopulated({ objects }: Inventory): Set<string> {
  return new Set(
    objects
      .filter(({ kind, properties }) => kind === 'materialized view' && properties.populated === false)
      .map(({ name }) => name),
  );
}

/** Tables whose count is not the one of the source. A materialized view is computed anew by the restore. */
export function wrongCounts(
  relations: readonly DataRelation[],
  expected: readonly RowCount[],
  found: ReadonlyMap<string, number>,
): Array<{ name: string; expected: number; found: number | null }> {
  const kinds = new Map(relations.map(({ name, kind }) => [name, kind]));
  return expected
    .filter(({ name, rows }) => kinds.get(name) !== 'materialized view' && found.get(name) !== rows)
    .map(({ name, rows }) => ({ name, expected: rows, found: found.get(name) ?? null }));
}

/**
 * Whether each relation (and the large objects as a whole) hashes as it did on the source, by the same SQL. What the
 * copy has not, or has with other columns, does not.
 */
export async function compareFingerprints(
  { server, database }: { readonly server: RestoredServer; readonly database: string },
  relations: readonly DataRelation[],
  copy: Inventory,
  expected: readonly Fingerprint[],
  signal?: AbortSignal,
): Promise<Map<string, 'identical' | 'different'>> {
  const here = new Map(copy.relations.map((relation) => [relation.name, relation.columns.join('\n')]));
  const empty = unpopulated(copy);
  const comparable = relations.filter(({ name, columns }) => here.get(name) === columns.join('\n') && !empty.has(name));
  const wanted = new Set(expected.map(({ name }) => name));
  const tables = comparable.filter(({ name }) => wanted.has(name));
  const form = expected[0]?.form;
  const hashAll = async (client: pg.Client) => [
    ...(await fingerprintTables(client, tables, form)),
    ...(wanted.has(largeObjectsName) ? [await fingerprintLargeObjects(client, form)] : []),
  ];
  const found = await inCopy(server, database, hashAll, signal);
  const hashes = new Map(found.map(({ name, rows, hash }) => [name, `${rows} ${hash}`]));
  return new Map(
    expected.map(({ name, rows, hash }) => [name, hashes.get(name) === `${rows} ${hash}` ? 'identical' : 'different']),
  );
}
