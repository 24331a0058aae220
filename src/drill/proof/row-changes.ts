import type { LineIdentity, Row } from './row-files.ts';

/** A column whose value differs, by its place in the row. Values are text as COPY writes it. */
export interface ColumnChange {
  readonly column: number;
  readonly expected: string;
  readonly found: string;
}

/** A row that only one side has, or that both have with other values. */
export interface RowChange {
  /** In the artifact; null for an extra row. */
  readonly expected: (LineIdentity & { readonly fields: readonly string[] }) | null;
  /** In the copy; null for a missing row. */
  readonly found: (LineIdentity & { readonly fields: readonly string[] }) | null;
  /** Empty unless both sides have the row. */
  readonly columns: readonly ColumnChange[];
}

export function changedRow(expected: Row, found: Row): RowChange {
  const columns = expected.fields.flatMap((value, column) => {
    const other = found.fields[column] ?? '';
    return value === other ? [] : [{ column, expected: value, found: other }];
  });
  return { expected, found, columns };
}

/** Differences that a change counts as: one per column, or one for the whole row. */
export function weight(change: RowChange): number {
  return Math.max(1, change.columns.length);
}

/**
 * Which missing and extra rows are one row that changed, where no key says so: those in the same place, then those that
 * agree in the most columns (in one at least).
 * @param placeOf the place of a row in its own file
 */
export function pairByLikeness(
  missing: readonly Row[],
  extra: readonly Row[],
  placeOf: { readonly expected: (row: Row) => number; readonly found: (row: Row) => number },
): RowChange[] {
  const changes: RowChange[] = [];
  const openMissing = new Set(missing);
  const openExtra = new Set(extra);
  const pair = (expected: Row, found: Row) => {
    openMissing.delete(expected);
    openExtra.delete(found);
    changes.push(changedRow(expected, found));
  };
  const byPlace = new Map(extra.map((row) => [placeOf.found(row), row]));
  for (const row of missing) {
    const other = byPlace.get(placeOf.expected(row));
    if (other && openExtra.has(other)) pair(row, other);
  }
  const likely = [...openMissing].flatMap((row) =>
    [...openExtra].map((other) => ({ row, other, alike: row.fields.filter((f, i) => f === other.fields[i]).length })),
  );
  for (const { row, other, alike } of likely.sort((a, b) => b.alike - a.alike)) {
    if (alike > 0 && openMissing.has(row) && openExtra.has(other)) pair(row, other);
  }
  for (const row of openMissing) changes.push({ expected: row, found: null, columns: [] });
  for (const row of openExtra) changes.push({ expected: null, found: row, columns: [] });
  return changes;
}

/**
 * Joins missing and extra rows by their key: both come sorted by it, and are read only once.
 * @param key places of the key's columns
 */
export async function* joinByKey(
  missing: AsyncIterable<Row>,
  extra: AsyncIterable<Row>,
  key: readonly number[],
): AsyncGenerator<RowChange> {
  const left = missing[Symbol.asyncIterator]();
  const right = extra[Symbol.asyncIterator]();
  let [expected, found] = await Promise.all([next(left), next(right)]);
  while (expected || found) {
    const order = !expected ? 1 : !found ? -1 : compareKeys(expected, found, key);
    if (order === 0 && expected && found) {
      yield changedRow(expected, found);
      [expected, found] = await Promise.all([next(left), next(right)]);
    } else if (order < 0 && expected) {
      yield { expected, found: null, columns: [] };
      expected = await next(left);
    } else if (found) {
      yield { expected: null, found, columns: [] };
      found = await next(right);
    }
  }
}

async function next(rows: AsyncIterator<Row>): Promise<Row | undefined> {
  const result = await rows.next();
  return result.done ? undefined : result.value;
}

/** Field by field, as `sort` does it. Text is `latin1`: the order of characters is the order of bytes. */
function compareKeys(a: Row, b: Row, key: readonly number[]): number {
  for (const column of key) {
    const left = a.fields[column] ?? '';
    const right = b.fields[column] ?? '';
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
