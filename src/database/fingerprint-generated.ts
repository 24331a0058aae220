import pg from 'pg';
import type { DataRelation } from './inventory-schema.ts';
import { asHash } from './lanes.ts';

const ident = pg.escapeIdentifier;

/** Four 64-bit numbers of the SHA-256 in this column, added up: as one array. See `HashForm`, `seeded`. */
const numbers = (hash: string) =>
  `ARRAY[${[0, 1, 2, 3].map((seed) => `pg_catalog.sum(pg_catalog.hashtextextended(${hash} COLLATE pg_catalog."C", ${seed}))`).join(', ')}]::text[]`;

/** One scan for all of these columns; a volatile one makes that each value is evaluated once. */
async function hashes(client: pg.ClientBase, name: string, columns: readonly string[]): Promise<Map<string, string>> {
  const values = columns.map(
    (column, index) =>
      `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(ROW(t.${ident(column)})::text, pg_catalog.getdatabaseencoding())), 'hex') AS h${index}`,
  );
  const sums = columns.map((_, index) => `${numbers(`h${index}`)} AS s${index}`);
  const { rows } = await client.query<Record<string, (string | null)[]>>(
    `SELECT ${sums.join(', ')} FROM (SELECT ${values.join(', ')}, pg_catalog.clock_timestamp() AS once FROM ONLY ${name} t) hashed`,
  );
  return new Map(columns.map((column, index) => [column, asHash(rows[0]?.[`s${index}`] ?? [])]));
}

/**
 * A multiset hash of each generated column alone, by its name. A virtual column is computed as it is read, which may
 * fail (a division by zero): then its hash is null, and the transaction that we may be in goes on.
 */
export async function fingerprintGenerated(
  client: pg.ClientBase,
  { name, generated = [] }: DataRelation,
): Promise<Record<string, string | null>> {
  const stored = generated.filter(({ virtual }) => !virtual).map((column) => column.name);
  const found = new Map<string, string | null>(stored.length > 0 ? await hashes(client, name, stored) : []);
  for (const column of generated) {
    if (column.virtual) found.set(column.name, await guarded(client, () => hashes(client, name, [column.name])));
  }
  return Object.fromEntries(found);
}

async function guarded(client: pg.ClientBase, work: () => Promise<Map<string, string>>): Promise<string | null> {
  const inside = await client.query('SAVEPOINT socle_virtual').then(
    () => true,
    () => false,
  );
  try {
    const [hash = null] = (await work()).values();
    if (inside) await client.query('RELEASE SAVEPOINT socle_virtual');
    return hash;
  } catch (error) {
    // Class 22 is about the data; anything else is not about this column.
    if (!(error instanceof pg.DatabaseError) || !error.code?.startsWith('22')) throw error;
    if (inside) await client.query('ROLLBACK TO SAVEPOINT socle_virtual');
    return null;
  }
}
