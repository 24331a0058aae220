import type { Manifest } from '../../backup/schema.ts';
import { largeObjectsName } from '../../database/fingerprint.ts';
import type { DataRelation } from '../../database/inventory-schema.ts';
import type { Level, Proof, TableProof } from '../schema.ts';
import { wrongCounts } from './compare-counts.ts';
import type { StreamResult } from './compare-data.ts';
import type { FingerprintResult } from './compare-fingerprints.ts';
import type { SchemaResult } from './compare-schema.ts';
import { notCompared } from './coverage.ts';
import type { Differences } from './differences.ts';
import type { ViewContents } from './refresh-again.ts';

export interface Findings {
  readonly manifest: Manifest;
  readonly streams: StreamResult;
  /** Tables that are equal but for the order of rows or columns. */
  readonly reordered: ReadonlySet<string>;
  readonly counts: ReadonlyMap<string, number>;
  readonly schema: SchemaResult;
  readonly fingerprints: FingerprintResult | null;
  /** Materialized views whose contents are not those of the source. */
  readonly views: ReadonlyMap<string, ViewContents>;
  /** Password hashes of roles were compared. */
  readonly passwords: boolean;
  /** Entries of the schema's text. */
  readonly pieces: number;
  readonly differences: Differences;
}

/** Puts the findings together: the tables one by one, the summary by kind, and the highest level that holds. */
export function conclude(findings: Findings): Proof {
  const { manifest, streams, counts, schema, fingerprints, differences } = findings;
  const { relations } = manifest.inventory;
  const notes = [...schema.notes];
  const held = relations.filter(({ kind }) => kind !== 'sequence');
  const rootOf = new Map(
    streams.groups.flatMap(({ root, leaves }) => leaves.map((leaf) => [leaf.name, root.name] as const)),
  );
  const tables = held.map((relation): TableProof => {
    const { name } = relation;
    const hashed = rootOf.get(name) ?? name;
    const source = fingerprints?.hashes.get(hashed) ?? null;
    const generated = [...(fingerprints?.generated.get(hashed) ?? [])];
    return {
      name,
      rows: counts.get(name) ?? 0,
      bytes: streams.bytes.get(name) ?? 0,
      ...howCompared(relation, rootOf.get(name) ?? name, findings),
      source,
      generated: generated.filter(([, result]) => result === 'different').map(([column]) => column),
    };
  });
  const different = new Set(
    tables.filter(({ result }) => result === 'different').flatMap(({ name }) => [name, rootOf.get(name) ?? name]),
  );

  const miscounted = wrongCounts(relations, manifest.counts, counts, streams.groups);
  for (const { name, expected, found } of miscounted) {
    if (different.has(name)) continue;
    const values = { expected: String(expected), found: found === null ? null : String(found) };
    differences.add({ kind: 'rows', object: name, problem: 'changed', property: 'count', ...values });
    different.add(name);
  }
  const toArtifact = differences.total === 0;

  const refreshed = new Set(held.filter(({ kind }) => kind === 'materialized view').map(({ name }) => name));
  for (const [object, columns] of fingerprints?.generated ?? []) {
    if (different.has(object)) continue;
    for (const [column, result] of columns) {
      if (result !== 'different') continue;
      differences.add({ kind: 'rows', object, problem: 'changed', column, property: 'generated: hash of the source' });
    }
  }
  for (const [object, result] of fingerprints?.hashes ?? []) {
    if (result === 'identical' || different.has(object)) continue;
    if (refreshed.has(object)) {
      const contents = findings.views.get(object) ?? 'not repeatable';
      if (contents !== 'otherwise') notes.push(viewNote(object, contents));
      else differences.add({ kind: 'rows', object, problem: 'changed', property: 'not what its own query gives' });
    } else {
      const kind = object === largeObjectsName ? 'large object' : 'rows';
      differences.add({ kind, object, problem: 'changed', property: 'hash of the source' });
    }
  }
  if (findings.views.size > 0 && relations.some(({ unread }) => unread)) {
    notes.push(
      'the source was a standby, and the backup has no rows of unlogged tables: a view that reads one differs for that reason',
    );
  }
  return {
    level: levelOf(
      schema.missing === 0 && miscounted.length === 0,
      toArtifact,
      fingerprints !== null && differences.total === 0,
    ),
    tables,
    checks: summary(findings, held.length),
    respelled: [...schema.respelled],
    differences: [...differences.kept],
    differencesTotal: differences.total,
    notes,
    notCompared: notCompared(findings),
  };
}

/** What is known of a materialized view that is not the source's, and what is not. */
function viewNote(name: string, contents: Exclude<ViewContents, 'otherwise'>): string {
  const seen = `materialized view ${name} holds other rows than on the source. A restore computes it again`;
  const stale = 'it was not refreshed on the source after its tables had changed';
  const tell = `To tell which: refresh it on the source, and take another deep backup`;
  return contents === 'as queried'
    ? `${seen}, and here it holds what its query gives. Either ${stale}, or the query gives other rows on the source (a function that reads settings). ${tell}.`
    : `${seen}. Either ${stale}, or its query gives other rows at another moment or place (the time, random values, settings, rights). ${tell}.`;
}

function levelOf(restored: boolean, artifact: boolean, source: boolean): Level | null {
  if (!restored) return null;
  if (!artifact) return 'restored';
  return source ? 'identical-to-source' : 'identical-to-artifact';
}

function howCompared(
  { kind }: DataRelation,
  /** Its own name, or that of the root that it is compared with. */
  name: string,
  { streams, reordered }: Findings,
): Pick<TableProof, 'method' | 'result'> {
  if (streams.equal.has(name)) return { method: 'stream', result: 'identical' };
  if (reordered.has(name)) return { method: 'multiset', result: 'identical' };
  if (streams.suspects.some(({ relation }) => relation.name === name))
    return { method: 'multiset', result: 'different' };
  if (kind === 'materialized view' || streams.absent.has(name)) return { method: 'none', result: 'not compared' };
  return { method: 'none', result: 'different' };
}

function summary({ manifest, pieces, differences }: Findings, tables: number): Proof['checks'] {
  const { objects, relations, largeObjects } = manifest.inventory;
  const counts = new Map<string, number>([['rows', tables]]);
  for (const { kind } of objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  counts.set('large object', largeObjects.length);
  counts.set('sequence value', relations.filter(({ kind }) => kind === 'sequence').length);
  counts.set('schema text', pieces);
  for (const kind of differences.kinds()) if (!counts.has(kind)) counts.set(kind, 0);
  const names = [...counts.keys()].sort();
  return names.map((name) => ({ name, count: counts.get(name) ?? 0, differences: differences.of(name) }));
}
