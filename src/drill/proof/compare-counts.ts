import { countRows } from '../../database/counts.ts';
import type { DataRelation, Inventory, RowCount } from '../../database/inventory-schema.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import { inCopy } from './copy-session.ts';
import { addCounts, type PartitionGroup } from './partition-groups.ts';

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
export function unpopulated({ objects }: Inventory): Set<string> {
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
  groups: readonly PartitionGroup[],
): Array<{ name: string; expected: number; found: number | null }> {
  const kinds = new Map(relations.map(({ name, kind }) => [name, kind]));
  const together = new Set(groups.flatMap(({ leaves }) => leaves.map(({ name }) => name)));
  const counted = [...found].map(([name, rows]) => ({ name, rows }));
  const here = new Map([...found, ...addCounts(counted, groups).map(({ name, rows }) => [name, rows] as const)]);
  return [...expected.filter(({ name }) => !together.has(name)), ...addCounts(expected, groups)]
    .filter(({ name, rows }) => kinds.get(name) !== 'materialized view' && here.get(name) !== rows)
    .map(({ name, rows }) => ({ name, expected: rows, found: here.get(name) ?? null }));
}
