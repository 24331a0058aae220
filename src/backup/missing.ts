import { type ArchiveContents, sequenceEntry } from '../database/archive-contents.ts';
import type { Catalogued } from '../database/inventory.ts';
import type { RowCount } from '../database/inventory-schema.ts';
import { firstUserOid } from '../database/inventory-sql.ts';

/** Kinds that have an entry of their own in an archive, under their own OID. */
const listed = new Set([
  ...['schema', 'extension', 'table', 'partitioned table', 'view', 'materialized view', 'foreign table', 'sequence'],
  ...['statistics', 'function', 'procedure', 'aggregate', 'rule', 'policy', 'event trigger', 'language', 'transform'],
  ...['text search configuration', 'text search dictionary', 'text search parser', 'text search template'],
  ...['access method', 'foreign data wrapper', 'server', 'type', 'domain', 'operator', 'operator class'],
  ...['operator family', 'cast', 'conversion', 'collation', 'publication', 'subscription'],
]);

export interface Gaps {
  /** Lost with this archive: the backup is incomplete. */
  readonly missing: string[];
  /** Not in the archive, and probably back with CREATE EXTENSION. */
  readonly warnings: string[];
}

const rowsText = (rows: number) => `${rows} row${rows === 1 ? '' : 's'}`;

/**
 * What the inventory has and the archive has not. Both speak of the same server, so that OIDs tell them apart and no
 * name has to be parsed.
 * @param catalogOids OID of each system catalog by its name
 * @param unread relations whose rows the source does not have: a standby lacks those of unlogged tables
 */
export function findGaps(
  { inventory, rows, relations }: Catalogued,
  contents: ArchiveContents,
  catalogOids: Readonly<Record<string, string>>,
  counts: readonly RowCount[],
  unread: ReadonlySet<string> = new Set(),
): Gaps {
  const missing: string[] = [];
  const warnings: string[] = [];
  for (const row of rows) {
    if (!listed.has(row.kind) || Number(row.oid) < firstUserOid) continue;
    if (!contents.objects.has(`${catalogOids[row.catalog]} ${row.oid}`)) missing.push(`${row.kind} ${row.name}`);
  }
  const counted = new Map(counts.map((count) => [count.name, count.rows]));
  for (const { oid, name, schema, table, kind, owner, attached } of relations) {
    if (contents.data.has(oid) || unread.has(name)) continue;
    const rowsThere = counted.get(name);
    if (kind === 'sequence') {
      if (!contents.sequences.has(sequenceEntry(schema, table, owner))) missing.push(`value of sequence ${name}`);
    } else if (kind !== 'extension table')
      missing.push(`${rowsThere === undefined ? 'rows' : rowsText(rowsThere)} of ${kind} ${name}`);
    else if (attached) {
      missing.push(
        `table ${name} with ${rowsText(rowsThere ?? 0)}: it was attached to an extension, and pg_dump leaves it out ` +
          `(ALTER EXTENSION … DROP TABLE ${name} brings it back into the dump)`,
      );
    } else if (rowsThere) {
      warnings.push(
        `${name} belongs to an extension that does not dump it: a restore has only the rows that CREATE EXTENSION makes`,
      );
    }
  }
  if (inventory.largeObjects.length > 0 && !contents.largeObjects) {
    missing.push(`${inventory.largeObjects.length} large objects`);
  }
  return { missing, warnings };
}
