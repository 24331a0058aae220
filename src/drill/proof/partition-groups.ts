import type { DataRelation, Fingerprint, Inventory, RowCount } from '../../database/inventory-schema.ts';
import { addHashes } from '../../database/lanes.ts';
import { type Block, blockKey, type DataSummary } from './data-summary.ts';
import { parseName } from './sql-text.ts';

/**
 * Partitions whose rows pg_dump loads through the root, because a restore may put them into others: the hash of an enum
 * depends on OIDs. They are compared together, under the name of the root.
 */
export interface PartitionGroup {
  /** A relation with the root's name, and the columns and key of its partitions. */
  readonly root: DataRelation;
  readonly leaves: readonly DataRelation[];
}

/** Every partitioned table at the top with all partitions that hold rows, by `blockKey`. */
function families({ relations, objects }: Pick<Inventory, 'relations' | 'objects'>): Map<string, PartitionGroup> {
  const parents = new Map<string, string>();
  const partitioned = new Set<string>();
  for (const { kind, name, properties } of objects) {
    if (kind === 'partitioned table') partitioned.add(name);
    if (typeof properties.parents === 'string') parents.set(name, properties.parents);
  }
  const found = new Map<string, PartitionGroup>();
  for (const leaf of relations) {
    let top = parents.get(leaf.name);
    if (leaf.kind !== 'partition' || top === undefined || !partitioned.has(top)) continue;
    for (let next = parents.get(top); next !== undefined; next = parents.get(next)) top = next;
    const [schema, table] = parseName(top) ?? [];
    if (schema === undefined || table === undefined) continue;
    const key = blockKey({ schema, table });
    const leaves = [...(found.get(key)?.leaves ?? []), leaf];
    found.set(key, { root: { ...leaf, name: top, schema, table, kind: 'table' }, leaves });
  }
  return found;
}

/** Blocks of one table on one side, in the order of the text. */
const blocksOf = ({ blocks }: DataSummary, decode: (text: string) => string, key: string): Block[] =>
  [...blocks.values()].filter((block) => decode(blockKey(block)) === key);

export interface GroupedBlocks extends PartitionGroup {
  readonly artifact: readonly Block[];
  readonly copy: readonly Block[];
}

/** The families whose rows either side prints under the name of the root, with the partitions that this concerns. */
export function groupedBlocks(
  inventory: Pick<Inventory, 'relations' | 'objects'>,
  artifact: DataSummary,
  copy: DataSummary,
  decode: (text: string) => string,
): GroupedBlocks[] {
  const own = new Set([...artifact.blocks.values()].map((block) => decode(blockKey(block))));
  return [...families(inventory)].flatMap(([key, { root, leaves }]) => {
    const there = blocksOf(artifact, decode, key);
    const here = blocksOf(copy, decode, key);
    if (there.length + here.length === 0) return [];
    return [{ root, leaves: leaves.filter((leaf) => !own.has(blockKey(leaf))), artifact: there, copy: here }];
  });
}

/** Counts with those of a group added up under its root. */
export function addCounts(counts: readonly RowCount[], groups: readonly PartitionGroup[]): RowCount[] {
  return groups.flatMap(({ root, leaves }) => {
    const names = new Set(leaves.map(({ name }) => name));
    const parts = counts.filter(({ name }) => names.has(name));
    return parts.length === 0 ? [] : [{ name: root.name, rows: parts.reduce((sum, { rows }) => sum + rows, 0) }];
  });
}

/** Hashes of multisets of rows add up: those of a group under its root, the others as they are. */
export function addFingerprints(
  fingerprints: readonly Fingerprint[],
  groups: readonly PartitionGroup[],
): Fingerprint[] {
  const rootOf = new Map(groups.flatMap(({ root, leaves }) => leaves.map(({ name }) => [name, root.name] as const)));
  const sums = new Map<string, Fingerprint>();
  for (const one of fingerprints) {
    const name = rootOf.get(one.name) ?? one.name;
    const sum = sums.get(name);
    sums.set(name, sum === undefined ? { ...one, name } : added(sum, one));
  }
  return [...sums.values()];
}

function added(a: Fingerprint, b: Fingerprint): Fingerprint {
  const columns = Object.entries(a.generated ?? {}).map(([column, hash]): [string, string | null] => {
    const other = b.generated?.[column] ?? null;
    return [column, hash === null || other === null ? null : addHashes(hash, other)];
  });
  const sum = { ...a, rows: a.rows + b.rows, hash: addHashes(a.hash, b.hash) };
  return columns.length === 0 ? sum : { ...sum, generated: Object.fromEntries(columns) };
}
