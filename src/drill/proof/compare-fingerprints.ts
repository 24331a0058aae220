import type pg from 'pg';
import { fingerprintLargeObjects, fingerprintTables, largeObjectsName } from '../../database/fingerprint.ts';
import type { DataRelation, Fingerprint, Inventory } from '../../database/inventory-schema.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import { unpopulated } from './compare-counts.ts';
import { inCopy } from './copy-session.ts';
import { addFingerprints, type PartitionGroup } from './partition-groups.ts';

type Same = 'identical' | 'different';

/** How the copy hashes, against the source's own hashes, by the same SQL. */
export interface FingerprintResult {
  /** By relation, and the large objects as a whole. */
  readonly hashes: ReadonlyMap<string, Same>;
  /** Generated columns by relation and name; `not compared` where the source could not compute them. */
  readonly generated: ReadonlyMap<string, ReadonlyMap<string, Same | 'not compared'>>;
}

/**
 * Whether each relation (and the large objects as a whole) hashes as it did on the source, by the same SQL. What the
 * copy has not, or has with other columns, does not.
 */
export async function compareFingerprints(
  { server, database }: { readonly server: RestoredServer; readonly database: string },
  { relations, groups }: { readonly relations: readonly DataRelation[]; readonly groups: readonly PartitionGroup[] },
  copy: Inventory,
  source: readonly Fingerprint[],
  signal?: AbortSignal,
): Promise<FingerprintResult> {
  const here = new Map(copy.relations.map((relation) => [relation.name, relation]));
  const empty = unpopulated(copy);
  const wanted = new Set(source.map(({ name }) => name));
  const tables = relations
    .filter(({ name }) => wanted.has(name) && !empty.has(name))
    .flatMap((relation) => {
      const found = here.get(relation.name);
      if (found?.columns.join('\n') !== relation.columns.join('\n')) return [];
      return [{ ...relation, generated: both(relation, found) }];
    });
  const form = source[0]?.form;
  const hashAll = async (client: pg.Client) => [
    ...(await fingerprintTables(client, tables, form)),
    ...(wanted.has(largeObjectsName) ? [await fingerprintLargeObjects(client, form)] : []),
  ];
  const hashed = await inCopy(server, database, hashAll, signal);
  const found = new Map(addFingerprints(hashed, groups).map((one) => [one.name, one]));
  const expected = addFingerprints(source, groups);
  const same = (one: Fingerprint, other: Fingerprint | undefined): Same =>
    other && one.rows === other.rows && one.hash === other.hash ? 'identical' : 'different';
  return {
    hashes: new Map(expected.map((one) => [one.name, same(one, found.get(one.name))])),
    generated: new Map(expected.map((one) => [one.name, sameColumns(one, found.get(one.name))])),
  };
}

/** Generated columns of both, as the copy has them: what is virtual there may fail there. */
function both(relation: DataRelation, { generated = [] }: DataRelation): NonNullable<DataRelation['generated']> {
  const known = new Set((relation.generated ?? []).map(({ name }) => name));
  return generated.filter(({ name }) => known.has(name));
}

function sameColumns({ generated = {} }: Fingerprint, found: Fingerprint | undefined) {
  return new Map(
    Object.entries(generated).map(([column, hash]): [string, Same | 'not compared'] => {
      if (hash === null) return [column, 'not compared'];
      return [column, found?.generated?.[column] === hash ? 'identical' : 'different'];
    }),
  );
}
