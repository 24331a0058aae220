import type pg from 'pg';
import { codeParts } from './inventory-code.ts';
import { databaseParts, rightsParts } from './inventory-database.ts';
import {
  dataRelation,
  type FactsRow,
  factsSql,
  type RelationRow,
  relationsSql,
  serverFacts,
} from './inventory-facts.ts';
import { type Inventory, type InventoryObject, inventoryFormat } from './inventory-schema.ts';
import type { CatalogRow, InventoryOptions } from './inventory-sql.ts';
import { tableParts } from './inventory-tables.ts';
import { typeParts } from './inventory-types.ts';
import { pinSession, versionNumber } from './session.ts';

/** An inventory, and where in the catalogs of this server it came from. */
export interface Catalogued {
  readonly inventory: Inventory;
  readonly rows: readonly CatalogRow[];
  readonly relations: readonly RelationRow[];
}

interface Remark {
  readonly catalog: string;
  readonly oid: string;
  readonly sub: number;
  readonly text: string;
}

const commentsSql = `SELECT classoid::regclass::text AS catalog, objoid::text AS oid, objsubid AS sub, description AS text
    FROM pg_description WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass OR classoid = 'pg_largeobject'::regclass
  UNION ALL SELECT classoid::regclass::text, objoid::text, 0, description FROM pg_shdescription`;

const labelsSql = `SELECT catalog, oid, sub, string_agg(label, ', ' ORDER BY label COLLATE "C") AS text FROM (
    SELECT classoid::regclass::text AS catalog, objoid::text AS oid, objsubid AS sub, provider || ': ' || label AS label FROM pg_seclabel
    UNION ALL SELECT classoid::regclass::text, objoid::text, 0, provider || ': ' || label FROM pg_shseclabel) labels
  GROUP BY catalog, oid, sub`;

/** In one row: hundreds of thousands of rows would each be an object of ours. */
const largeObjectsSql = `SELECT string_agg(oid::text, ',' ORDER BY oid) AS oids FROM pg_largeobject_metadata`;

const place = (at: { catalog: string; oid: string; sub: number }) => `${at.catalog} ${at.oid} ${at.sub}`;

const parts = [...databaseParts, ...tableParts, ...codeParts, ...typeParts, ...rightsParts];

function merged(
  rows: readonly CatalogRow[],
  comments: readonly Remark[],
  labels: readonly Remark[],
): InventoryObject[] {
  const comment = new Map(comments.map((remark) => [place(remark), remark.text]));
  const label = new Map(labels.map((remark) => [place(remark), remark.text]));
  const objects = rows.map((row): InventoryObject => {
    const properties = { ...row.properties };
    const remark = comment.get(place(row));
    if (remark !== undefined) properties.comment = remark;
    const security = label.get(place(row));
    if (security !== undefined) properties.securityLabel = security;
    return { kind: row.kind, name: row.name, properties };
  });
  return objects.sort((a, b) => (a.kind === b.kind ? (a.name < b.name ? -1 : 1) : a.kind < b.kind ? -1 : 1));
}

/** The inventory with the OIDs that it was read by: they find the entries of an archive of the same server. */
export async function readCatalog(client: pg.ClientBase, options: InventoryOptions = {}): Promise<Catalogued> {
  await pinSession(client);
  const version = await versionNumber(client);
  const queries = parts.map((part) => part(version, options)).filter((sql) => sql !== '');
  // Several statements in one message: one round trip, and pg answers with one result for each.
  const results = (await client.query(
    [factsSql(version), relationsSql, largeObjectsSql, commentsSql, labelsSql, ...queries].join(';\n'),
  )) as unknown as pg.QueryResult[];
  const [facts, relations, largeObjects, comments, labels, ...objects] = results.map((result) => result.rows);
  const rows = objects.flat() as CatalogRow[];
  const factsRow = facts?.[0] as FactsRow;
  return {
    inventory: {
      format: inventoryFormat,
      server: serverFacts(factsRow, version),
      database: factsRow.database,
      bytes: Number(factsRow.bytes),
      objects: merged(rows, comments as Remark[], labels as Remark[]),
      relations: (relations as RelationRow[]).map(dataRelation),
      largeObjects: (largeObjects as { oids: string | null }[])[0]?.oids?.split(',') ?? [],
    },
    rows,
    relations: relations as RelationRow[],
  };
}

/**
 * Socle's own inventory: every object with the properties that a correct restore brings back, in names and texts that
 * are the same on the source and on a restored copy. Sees what the transaction of `client` sees, but for the few
 * definitions that PostgreSQL always prints as they are now. Two round trips and one to pin the session.
 */
export async function takeInventory(client: pg.ClientBase, options: InventoryOptions = {}): Promise<Inventory> {
  return (await readCatalog(client, options)).inventory;
}
