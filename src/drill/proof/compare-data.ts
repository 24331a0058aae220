import type { DataRelation, Inventory } from '../../database/inventory-schema.ts';
import type { DataSummary } from './data-summary.ts';
import { blockKey } from './data-summary.ts';
import type { Differences } from './differences.ts';
import type { Suspect } from './exact.ts';
import { type GroupedBlocks, groupedBlocks, type PartitionGroup } from './partition-groups.ts';
import { parseName } from './sql-text.ts';

/** The data of the artifact and of the copy, as two programs printed it. */
export interface TwoSides {
  readonly artifact: DataSummary;
  readonly copy: DataSummary;
}

export interface StreamResult {
  /** Tables whose streams are equal byte for byte. */
  readonly equal: ReadonlySet<string>;
  /** Tables to compare exactly. */
  readonly suspects: readonly Suspect[];
  /** Tables of which neither side has rows: such as those that an extension fills itself. */
  readonly absent: ReadonlySet<string>;
  /** Partitions that are compared together. */
  readonly groups: readonly PartitionGroup[];
  /** Bytes of rows in the artifact, by table. */
  readonly bytes: ReadonlyMap<string, number>;
}

/**
 * What the streams alone say about each table of the source. A table that the artifact lacks, and one that nobody knows,
 * are differences.
 */
export function compareStreams(
  inventory: Pick<Inventory, 'relations' | 'objects'>,
  { artifact, copy }: TwoSides,
  decode: (text: string) => string,
  differences: Differences,
): StreamResult {
  const groups = groupedBlocks(inventory, artifact, copy, decode);
  const through = new Set(groups.map(({ root }) => blockKey(root)));
  const together = new Set(groups.flatMap(({ leaves }) => leaves.map(({ name }) => name)));
  const relations = inventory.relations.filter(({ name }) => !together.has(name));
  const byName = new Map(relations.map((relation) => [blockKey(relation), relation]));
  const decoded = (summary: DataSummary) =>
    new Map(
      [...summary.blocks]
        .filter(([, block]) => !through.has(decode(blockKey(block))))
        .map(([key, block]) => [decode(key), block] as const),
    );
  const there = decoded(artifact);
  const here = decoded(copy);
  const equal = new Set<string>();
  const absent = new Set<string>();
  const suspects: Suspect[] = [];
  const bytes = new Map<string, number>();
  for (const group of groups) {
    bytes.set(
      group.root.name,
      group.artifact.reduce((sum, block) => sum + block.bytes, 0),
    );
    const [first, ...more] = group.artifact;
    const [copied] = group.copy;
    if (sameBlocks(group))
      for (const name of [group.root.name, ...group.leaves.map((leaf) => leaf.name)]) equal.add(name);
    else if (first && copied)
      suspects.push({ relation: group.root, artifact: first, copy: copied, more, leaves: group.leaves });
    else if (first || group.leaves.some((leaf) => !leaf.unread)) {
      const problem = first ? 'missing' : 'extra';
      differences.add({ kind: 'rows', object: group.root.name, problem, property: 'rows of all partitions' });
    }
  }
  for (const [key, relation] of byName) {
    const expected = there.get(key);
    const found = here.get(key);
    const object = relation.name;
    if (expected) bytes.set(object, expected.bytes);
    if (relation.kind === 'sequence' || relation.kind === 'materialized view') continue;
    if (expected && found) {
      if (expected.header === found.header && expected.tag === found.tag) equal.add(object);
      else suspects.push({ relation, artifact: expected, copy: found });
    } else if (expected) differences.add({ kind: 'rows', object, problem: 'missing', property: 'table' });
    else if (found && relation.unread) absent.add(object);
    else if (found) differences.add({ kind: 'rows', object, problem: 'extra', property: 'not in the artifact' });
    else if (relation.kind === 'extension table' || relation.unread) absent.add(object);
    else differences.add({ kind: 'rows', object, problem: 'missing', property: 'not in the artifact' });
  }
  for (const [blocks, problem] of [
    [there, 'missing'],
    [here, 'extra'],
  ] as const) {
    for (const [key, { schema, table }] of blocks) {
      if (byName.has(key)) continue;
      const object = decode(`${schema}.${table}`);
      differences.add({ kind: 'rows', object, problem, property: 'not in the inventory of the source' });
    }
  }
  return { equal, suspects, absent, bytes, groups };
}

/** The same blocks on both sides, whichever partition each came from. */
function sameBlocks({ artifact, copy }: GroupedBlocks): boolean {
  const texts = (blocks: GroupedBlocks['copy']) => blocks.map(({ header, tag }) => `${header} ${tag}`).sort();
  return JSON.stringify(texts(artifact)) === JSON.stringify(texts(copy));
}

/** Sequences against the artifact: the source's own have moved on since, sequences being outside of transactions. */
export function compareSequences(
  relations: readonly DataRelation[],
  { artifact, copy }: TwoSides,
  decode: (text: string) => string,
  differences: Differences,
): void {
  for (const [name, expected] of artifact.sequences) {
    const found = copy.sequences.get(name) ?? null;
    if (found === expected) continue;
    const problem = found === null ? 'missing' : 'changed';
    differences.add({ kind: 'sequence value', object: decode(name), problem, property: 'value', expected, found });
  }
  const unread = new Set(
    relations.filter((one) => one.unread).map(({ schema, table }) => JSON.stringify([schema, table])),
  );
  for (const [name, found] of copy.sequences) {
    if (artifact.sequences.has(name) || unread.has(JSON.stringify(parseName(decode(name))))) continue;
    differences.add({ kind: 'sequence value', object: decode(name), problem: 'extra', property: 'value', found });
  }
  const archived = new Set([...artifact.sequences.keys()].map((name) => JSON.stringify(parseName(decode(name)))));
  for (const { kind, name, schema, table, unread } of relations) {
    if (kind !== 'sequence' || unread || archived.has(JSON.stringify([schema, table]))) continue;
    differences.add({ kind: 'sequence value', object: name, problem: 'missing', property: 'not in the artifact' });
  }
}

/** Content of large objects by OID. */
export function compareLargeObjects({ artifact, copy }: TwoSides, differences: Differences): void {
  for (const [object, expected] of artifact.largeObjects) {
    const found = copy.largeObjects.get(object);
    if (found === expected) continue;
    const problem = found === undefined ? 'missing' : 'changed';
    differences.add({ kind: 'large object', object, problem, property: 'content' });
  }
  for (const object of copy.largeObjects.keys()) {
    if (!artifact.largeObjects.has(object)) {
      differences.add({ kind: 'large object', object, problem: 'extra', property: 'content' });
    }
  }
}

const aboutLargeObject =
  /^(?:SELECT pg_catalog\.lo_create\('|ALTER LARGE OBJECT |COMMENT ON LARGE OBJECT |(?:GRANT|REVOKE) .* ON LARGE OBJECT )(\d+)/;

/**
 * Everything else that the dumps say: nothing that they hold goes unseen. To be called last: where a large object has
 * been named already, its statements would only say so again.
 */
export function compareStatements(
  { artifact, copy }: TwoSides,
  decode: (text: string) => string,
  differences: Differences,
): void {
  const known = differences.of('large object') > 0;
  for (const [from, other, problem] of [
    [artifact, copy, 'missing'],
    [copy, artifact, 'extra'],
  ] as const) {
    const open = new Map<string, number>();
    for (const text of other.statements) open.set(text, (open.get(text) ?? 0) + 1);
    for (const text of from.statements) {
      const left = open.get(text) ?? 0;
      if (left > 0) open.set(text, left - 1);
      else {
        const oid = aboutLargeObject.exec(text)?.[1];
        if (oid !== undefined && known) continue;
        const kind = oid === undefined ? 'statement' : 'large object';
        differences.add({
          kind,
          object: oid ?? decode(text).slice(0, 120),
          problem,
          property: 'statement of the dump',
        });
      }
    }
  }
}
