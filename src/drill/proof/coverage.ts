import type { Manifest } from '../../backup/schema.ts';
import { inventoryFormat } from '../../database/inventory-schema.ts';
import type { Proof } from '../schema.ts';
import type { StreamResult } from './compare-data.ts';
import type { FingerprintResult } from './compare-fingerprints.ts';
import type { ViewContents } from './refresh-again.ts';

export interface CoverageFacts {
  readonly manifest: Manifest;
  readonly streams: Pick<StreamResult, 'absent' | 'groups'>;
  readonly fingerprints: FingerprintResult | null;
  /** Materialized views whose contents are not the source's. */
  readonly views: ReadonlyMap<string, ViewContents>;
  /** False where the server of the copy does not let us read them. */
  readonly passwords: boolean;
}

/** How many names a line gives. */
const named = 10;

function list(names: readonly string[]): string {
  const more = names.length - named;
  return names.slice(0, named).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** What this proof did not compare, and why: a verdict says nothing about it. */
export function notCompared(facts: CoverageFacts): Proof['notCompared'] {
  const { manifest, fingerprints, streams, views, passwords } = facts;
  const { relations, objects, format } = manifest.inventory;
  const lines: Proof['notCompared'] = [];
  const add = (what: string, why: string) => void lines.push({ what, why });

  if (!fingerprints) {
    add(
      'rows on the source itself',
      'this backup is not a deep one: rows were compared with the artifact, and only counted on the source; `socle backup run --deep` hashes them there',
    );
  }
  const rootOf = new Map(
    streams.groups.flatMap(({ root, leaves }) => leaves.map((leaf) => [leaf.name, root.name] as const)),
  );
  const generated = relations.flatMap((relation) =>
    (relation.generated ?? [])
      .filter(({ name }) => !fingerprints?.generated.get(rootOf.get(relation.name) ?? relation.name)?.has(name))
      .map(({ name }) => `${relation.name}.${name}`),
  );
  if (generated.length > 0) {
    add(
      `generated columns ${list(generated)}`,
      'no dump holds them, a restore computes them again; a deep backup compares them',
    );
  }
  const failing = [...(fingerprints?.generated ?? [])].flatMap(([table, columns]) =>
    [...columns].filter(([, result]) => result === 'not compared').map(([column]) => `${table}.${column}`),
  );
  if (failing.length > 0)
    add(`virtual columns ${list(failing)}`, 'the source could not compute every value of them itself');

  const unhashed = relations.filter(
    ({ kind, name }) => kind === 'materialized view' && !fingerprints?.hashes.has(name),
  );
  if (unhashed.length > 0) {
    add(
      `contents of materialized views ${list(unhashed.map(({ name }) => name))}`,
      'no dump holds them, a restore computes them again; a deep backup compares them',
    );
  }
  if (views.size > 0) {
    add(
      `contents of materialized views ${list([...views.keys()])}`,
      'they are not those of the source, and a restore computes them again: see the notes',
    );
  }
  const unread = relations.filter((relation) => relation.unread).map(({ name }) => name);
  if (unread.length > 0) {
    add(
      `rows of ${list(unread)}`,
      'the source was a standby, which has no rows of unlogged tables and sequences: the backup has none, and the copy is empty',
    );
  }
  const absent = [...streams.absent].filter((name) => !unread.includes(name));
  if (absent.length > 0) {
    add(`rows of ${list(absent)}`, 'the tables belong to extensions, and pg_dump leaves their rows out');
  }
  const extended = relations.filter(({ kind }) => kind === 'extension table').map(({ name }) => name);
  if (extended.length > 0) {
    add(
      `indexes, triggers, policies and columns that were added to ${list(extended)}`,
      'the tables belong to extensions: no dump holds what was added to them, and a restore lacks it',
    );
  }
  if (!manifest.roles.passwords)
    add('password hashes of roles', 'the backup does not keep them (`role_passwords: false`)');
  else if (!passwords)
    add('password hashes of roles', 'not both of backup and server let us read them: this needs pg_authid');
  if (objects.some(({ kind }) => kind === 'subscription'))
    add('connections of subscriptions, and whether they run', 'a restored subscription is always disabled');
  if (format < inventoryFormat) {
    add(
      'details that newer versions look at',
      'the backup is older: tablespaces, options of subscriptions, password hashes, the order of columns, disabled foreign keys',
    );
  }
  add(
    'planner statistics, replication slots and origins, settings of the server, physical facts such as OIDs',
    'they are no part of a logical backup; docs/proof.md lists every column of every catalog',
  );
  return lines;
}
