import type pg from 'pg';
import type { DataRelation, RowCount } from './inventory-schema.ts';
import { pinSession } from './session.ts';

/** Sequences hold a state, not rows. */
const holdsRows = (relation: DataRelation) => relation.kind !== 'sequence';

/** Relations counted per statement: few round trips, and still a sign of life between them. */
const batch = 50;

/**
 * Rows of each relation that holds rows (sequences are left out), counted exactly, in the order of `relations`.
 * @param onRelation called after each batch with how many are done
 */
export async function countRows(
  client: pg.ClientBase,
  relations: readonly DataRelation[],
  onRelation?: (done: number, total: number) => void,
): Promise<RowCount[]> {
  await pinSession(client);
  const wanted = relations.filter(holdsRows);
  const counts: RowCount[] = [];
  for (let from = 0; from < wanted.length; from += batch) {
    const part = wanted.slice(from, from + batch);
    const { rows } = await client.query<{ n: string }>(
      part
        .map((relation, index) => `SELECT ${index} AS i, pg_catalog.count(*)::text AS n FROM ONLY ${relation.name}`)
        .join(' UNION ALL ')
        .concat(' ORDER BY i'),
    );
    part.forEach((relation, index) => {
      counts.push({ name: relation.name, rows: Number(rows[index]?.n) });
    });
    onRelation?.(counts.length, wanted.length);
  }
  return counts;
}
