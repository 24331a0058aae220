import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../kernel/errors.ts';
import { joinByKey, pairByLikeness, type RowChange, weight } from './row-changes.ts';
import { type LineIdentity, placesOf, type Row, readRows } from './row-files.ts';
import { linesOnlyIn, type SortPlace, sortLines } from './sort.ts';

/** Rows of one table on both sides, one per line in COPY's text format, columns in the same order. */
export interface RowFiles {
  readonly artifact: string;
  readonly copy: string;
}

export interface RowComparison {
  /** Differences in all: one per changed column, one per missing or extra row. */
  readonly total: number;
  /** The first of them. */
  readonly changes: readonly PlacedChange[];
}

export interface PlacedChange extends RowChange {
  /** Line in the artifact; null for an extra row, and where the key names the row. */
  readonly place: number | null;
  /** Line in the copy, for an extra row. */
  readonly copyPlace: number | null;
}

/** Up to so many rows per side are paired by likeness where there is no key. */
const pairable = 200;

/**
 * Compares two files of rows as multisets, exactly and in bounded memory: both are sorted, and what only one side has is
 * matched into changed, missing and extra rows.
 * @param key places of the key's columns; empty without a key
 * @param keyNamesRows the key may be shown, so that places are not needed
 * @param most how many changes to return
 */
export async function compareRowFiles(
  files: RowFiles,
  key: readonly number[],
  keyNamesRows: boolean,
  most: number,
  place: SortPlace,
): Promise<RowComparison> {
  const file = (name: string) => join(place.directory, name);
  const sorted = { artifact: file('artifact.sorted'), copy: file('copy.sorted') };
  const only = { artifact: file('artifact.only'), copy: file('copy.only') };
  try {
    await sortLines(files.artifact, sorted.artifact, place);
    await sortLines(files.copy, sorted.copy, place);
    await linesOnlyIn(sorted.artifact, sorted.copy, only.artifact, place.signal);
    await linesOnlyIn(sorted.copy, sorted.artifact, only.copy, place.signal);
    await Promise.all(Object.values(sorted).map((path) => rm(path)));
    if (key.length === 0) return await withoutKey(files, only, most, place.signal);
    const byKey = { artifact: file('artifact.by-key'), copy: file('copy.by-key') };
    await sortLines(only.artifact, byKey.artifact, place, key);
    await sortLines(only.copy, byKey.copy, place, key);
    const rows = joinByKey(readRows(byKey.artifact), readRows(byKey.copy), key);
    return placed(files, await collect(rows, most, place.signal), keyNamesRows);
  } finally {
    const names = ['artifact', 'copy'].flatMap((side) => ['sorted', 'only', 'by-key'].map((what) => `${side}.${what}`));
    await Promise.all(names.map((name) => rm(file(name), { force: true })));
  }
}

interface Collected {
  readonly total: number;
  readonly changes: readonly RowChange[];
}

async function collect(rows: AsyncIterable<RowChange>, most: number, signal?: AbortSignal): Promise<Collected> {
  const changes: RowChange[] = [];
  let total = 0;
  for await (const change of rows) {
    if (signal?.aborted) throw fail('interrupted', 'the proof was interrupted');
    total += weight(change);
    if (changes.length < most) changes.push(change);
  }
  return { total, changes };
}

async function withoutKey(files: RowFiles, only: RowFiles, most: number, signal?: AbortSignal): Promise<RowComparison> {
  const missing: Row[] = [];
  const extra: Row[] = [];
  let total = 0;
  for (const [path, rows] of [
    [only.artifact, missing],
    [only.copy, extra],
  ] as const) {
    for await (const row of readRows(path)) {
      if (signal?.aborted) throw fail('interrupted', 'the proof was interrupted');
      total += 1;
      if (rows.length < pairable) rows.push(row);
    }
  }
  const complete = total === missing.length + extra.length;
  if (!complete) {
    const changes = [...missing.map(missingRow), ...extra.map(extraRow)].slice(0, most);
    return placed(files, { total, changes }, false);
  }
  const expectedAt = placesByRow(files.artifact, missing);
  const foundAt = placesByRow(files.copy, extra);
  const changes = pairByLikeness(missing, extra, {
    expected: (row) => expectedAt.get(row) ?? 0,
    found: (row) => foundAt.get(row) ?? 0,
  });
  const sum = changes.reduce((all, change) => all + weight(change), 0);
  return { total: sum, changes: withPlaces(changes.slice(0, most), expectedAt, foundAt) };
}

const missingRow = (row: Row): RowChange => ({ expected: row, found: null, columns: [] });
const extraRow = (row: Row): RowChange => ({ expected: null, found: row, columns: [] });

/** Looks the rows up in the files that they came from. */
function placed(files: RowFiles, { total, changes }: Collected, keyNamesRows: boolean): RowComparison {
  if (keyNamesRows) return { total, changes: changes.map((change) => ({ ...change, place: null, copyPlace: null })) };
  const expected = changes.flatMap((change) => (change.expected ? [change.expected] : []));
  const extra = changes.flatMap((change) => (change.found && !change.expected ? [change.found] : []));
  return { total, changes: withPlaces(changes, placesByRow(files.artifact, expected), placesByRow(files.copy, extra)) };
}

function withPlaces(
  changes: readonly RowChange[],
  expectedAt: ReadonlyMap<LineIdentity, number>,
  foundAt: ReadonlyMap<LineIdentity, number>,
): PlacedChange[] {
  return changes.map((change) => ({
    ...change,
    place: change.expected ? (expectedAt.get(change.expected) ?? null) : null,
    copyPlace: change.found && !change.expected ? (foundAt.get(change.found) ?? null) : null,
  }));
}

/** Equal rows get one place after the other. */
function placesByRow(file: string, rows: readonly LineIdentity[]): Map<LineIdentity, number> {
  const places = placesOf(file, rows);
  return new Map(rows.map((row) => [row, places.get(row.hash)?.shift() ?? 0]));
}
