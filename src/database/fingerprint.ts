import pg from 'pg';
import { fingerprintGenerated } from './fingerprint-generated.ts';
import type { DataRelation, Fingerprint } from './inventory-schema.ts';
import { asHash } from './lanes.ts';
import { type HashForm, rowHash, sumsOf } from './row-hash.ts';
import { pinSession } from './session.ts';

const ident = pg.escapeIdentifier;

interface Sums {
  readonly n: string;
  readonly l0: string | null;
  readonly l1: string | null;
  readonly l2: string | null;
  readonly l3: string | null;
}

async function fingerprintOf(
  client: pg.ClientBase,
  name: string,
  hashes: string,
  form: HashForm,
): Promise<Fingerprint> {
  const { rows } = await client.query<Sums>(sumsOf(hashes, form));
  const sums = rows[0];
  return {
    name,
    rows: Number(sums?.n),
    hash: asHash([sums?.l0 ?? null, sums?.l1 ?? null, sums?.l2 ?? null, sums?.l3 ?? null]),
    form,
  };
}

/**
 * A multiset hash of each relation that holds rows: SHA-256 of every row's text (stored columns in the order of their
 * names), added up as four 64-bit numbers. It depends neither on pg_dump nor on the order of rows or columns, and equal
 * rows do not cancel out. Generated columns, which no dump holds, have hashes of their own. Sequences are left out.
 * Each row is evaluated once.
 * @param form that of the backup to compare with; a new backup takes the usual one
 */
export async function fingerprintTables(
  client: pg.ClientBase,
  relations: readonly DataRelation[],
  form: HashForm = 'seeded',
): Promise<Fingerprint[]> {
  await pinSession(client);
  const wanted = relations.filter((relation) => relation.kind !== 'sequence');
  const fingerprints: Fingerprint[] = [];
  for (const relation of wanted) {
    const columns = relation.columns.map((column) => `t.${ident(column)}`).join(', ');
    const stored = await fingerprintOf(
      client,
      relation.name,
      `SELECT ${rowHash(`ROW(${columns})::text`)} FROM ONLY ${relation.name} t`,
      form,
    );
    const generated = relation.generated?.length ? { generated: await fingerprintGenerated(client, relation) } : {};
    fingerprints.push({ ...stored, ...generated });
  }
  return fingerprints;
}

/** Name under which `fingerprintLargeObjects` reports. */
export const largeObjectsName = 'large objects';

/** The same over the contents of all large objects, in pieces of 1 MiB: `rows` is the number of pieces. */
export async function fingerprintLargeObjects(client: pg.ClientBase, form: HashForm = 'seeded'): Promise<Fingerprint> {
  await pinSession(client);
  const piece = 1_048_576;
  return fingerprintOf(
    client,
    largeObjectsName,
    `SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(o.oid || ':' || p.n || ':', 'UTF8')
         || pg_catalog.lo_get(o.oid, p.n * ${piece}, ${piece})), 'hex') AS h
     FROM (SELECT m.oid, f.fd, pg_catalog.lo_lseek64(f.fd, 0, 2) AS bytes
             FROM pg_catalog.pg_largeobject_metadata m, LATERAL (SELECT pg_catalog.lo_open(m.oid, 262144) AS fd OFFSET 0) f
             OFFSET 0) o,
       LATERAL (SELECT pg_catalog.lo_close(o.fd) OFFSET 0) c,
       LATERAL pg_catalog.generate_series(0, o.bytes / ${piece}) p(n)`,
    form,
  );
}
