import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import type { DataRelation } from '../../database/inventory-schema.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import { compareRowFiles, type PlacedChange } from './compare-rows.ts';
import { inCopy } from './copy-session.ts';
import type { Block } from './data-summary.ts';
import type { Differences } from './differences.ts';
import { type ExtractFrom, rowsOfArchive, rowsOfCopy } from './extract.ts';
import { openDirectory } from './programs.ts';
import { mayNameRows, tableFacts } from './table-facts.ts';

/** A table whose streams differ. */
export interface Suspect {
  readonly relation: DataRelation;
  readonly artifact: Block;
  readonly copy: Block;
  /** Further blocks of the artifact that go into the same table, through the root of its partitions. */
  readonly more?: readonly Block[];
  /** Then the partitions that their rows are in. */
  readonly leaves?: readonly DataRelation[];
}

export interface ExactInput extends ExtractFrom {
  readonly server: RestoredServer;
  readonly archive: string;
  readonly database: string;
  /** Blocks that the archive has in all. */
  readonly blocks: number;
  readonly showValues: boolean;
  /** Text of the database's encoding, from one character per byte. */
  readonly decode: (text: string) => string;
}

/** Tables whose rows are taken from the archive in one go hold so many bytes at most (but for one table). */
const together = 2 ** 30;

/**
 * Compares tables whose streams differ as multisets of rows, and names what differs.
 * @returns the names of those that are equal but for the order of rows or columns
 */
export async function compareExactly(
  input: ExactInput,
  suspects: readonly Suspect[],
  differences: Differences,
): Promise<Set<string>> {
  const equal = new Set<string>();
  const comparable = suspects.filter((suspect) => sameColumns(suspect, input, differences));
  for (const group of groups(comparable)) {
    const directory = await openDirectory(input.directory, 'rows-');
    const fileOf = (index: number) => join(directory, `artifact-${index}.rows`);
    try {
      await rowsOfArchive(
        input,
        group.map(({ artifact, more = [] }) => [artifact, ...more]),
        input.blocks,
        fileOf,
      );
      for (const [index, suspect] of group.entries()) {
        if (await sameRows({ ...input, directory }, suspect, fileOf(index), differences))
          equal.add(suspect.relation.name);
        await rm(fileOf(index), { force: true });
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  return equal;
}

function sameColumns({ relation, artifact, copy }: Suspect, { decode }: ExactInput, differences: Differences): boolean {
  const here = new Set(copy.columns);
  const there = new Set(artifact.columns);
  const missing = artifact.columns.filter((column) => !here.has(column));
  const extra = copy.columns.filter((column) => !there.has(column));
  for (const [problem, columns] of [
    ['missing', missing],
    ['extra', extra],
  ] as const) {
    for (const column of columns) {
      differences.add({ kind: 'rows', object: relation.name, problem, property: 'columns', column: decode(column) });
    }
  }
  return missing.length + extra.length === 0;
}

function* groups(suspects: readonly Suspect[]): Generator<Suspect[]> {
  let group: Suspect[] = [];
  let bytes = 0;
  for (const suspect of suspects) {
    if (group.length > 0 && bytes + suspect.artifact.bytes > together) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(suspect);
    bytes += suspect.artifact.bytes;
  }
  if (group.length > 0) yield group;
}

async function sameRows(
  input: ExactInput,
  { relation, artifact, leaves }: Suspect,
  rows: string,
  differences: Differences,
): Promise<boolean> {
  const columns = artifact.columns.map(input.decode);
  const { server, database, signal } = input;
  const facts = await inCopy(server, database, (c) => tableFacts(c, relation.schema, relation.table), signal);
  const copy = join(input.directory, 'copy.rows');
  const within = leaves && (await inCopy(server, database, (c) => oidsOf(c, leaves), signal));
  await rowsOfCopy(input, { ...artifact, partitioned: within !== undefined }, within ?? facts.condition, copy);
  const complete = relation.key.every((column) => columns.includes(column));
  const key = complete ? relation.key : [];
  const places = key.map((column) => columns.indexOf(column));
  const naming = mayNameRows(key, facts);
  const { total, changes } = await compareRowFiles({ artifact: rows, copy }, places, naming, differences.room, input);
  const before = differences.total;
  for (const change of changes) {
    for (const one of rowDifferences(change, columns, naming ? places : [], input)) {
      differences.add({ kind: 'rows', object: relation.name, ...one });
    }
  }
  differences.count('rows', total - (differences.total - before));
  return total === 0;
}

function rowDifferences(
  change: PlacedChange,
  columns: readonly string[],
  key: readonly number[],
  { showValues, decode }: ExactInput,
) {
  const shown = (text: string | undefined) => (showValues && text !== undefined ? decode(text).slice(0, 1_000) : null);
  const fields = (change.expected ?? change.found)?.fields ?? [];
  const row =
    key.length > 0
      ? key.map((column) => `${columns[column]}=${fields[column]}`).join(', ')
      : change.expected
        ? `row ${change.place}`
        : `row ${change.copyPlace} of the copy`;
  if (change.columns.length === 0) {
    return [
      {
        problem: change.found ? ('extra' as const) : ('missing' as const),
        row,
        expected: shown(change.expected?.fields.join('\t')),
        found: shown(change.found?.fields.join('\t')),
      },
    ];
  }
  return change.columns.map(({ column, expected, found }) => ({
    problem: 'changed' as const,
    row,
    column: columns[column] ?? null,
    expected: shown(expected),
    found: shown(found),
  }));
}

/** `WHERE …` of the rows of these partitions, read through their root; those that the copy lacks hold none. */
async function oidsOf(client: pg.Client, leaves: readonly DataRelation[]): Promise<string> {
  const { rows } = await client.query<{ oids: string }>(
    `SELECT pg_catalog.array_agg(pg_catalog.to_regclass(name)::pg_catalog.oid)::pg_catalog.text AS oids
       FROM pg_catalog.unnest($1::pg_catalog.text[]) name`,
    [leaves.map(({ name }) => name)],
  );
  return `WHERE tableoid = ANY ('${rows[0]?.oids ?? '{}'}'::pg_catalog.oid[])`;
}
