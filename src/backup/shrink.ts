import type { RowCount } from '../database/inventory-schema.ts';

/** A table that lost rows since the last good backup. */
export interface Shrunk {
  readonly name: string;
  readonly before: number;
  readonly now: number;
}

/** Tables this small come and go: losing most of ten rows says nothing. */
const negligible = 100;

/**
 * Tables that lost `threshold` per cent of their rows or more, or that are gone. A mass DELETE restores "identical":
 * only the comparison with the backup before shows it.
 */
export function findShrunk(before: readonly RowCount[], now: readonly RowCount[], threshold: number): Shrunk[] {
  const current = new Map(now.map((count) => [count.name, count.rows]));
  return before
    .filter((count) => count.rows >= negligible)
    .map((count) => ({ name: count.name, before: count.rows, now: current.get(count.name) ?? 0 }))
    .filter((table) => (table.before - table.now) * 100 >= table.before * threshold);
}

export const describeShrunk = ({ name, before, now }: Shrunk, since: string): string =>
  `${name} shrank from ${before} to ${now} rows since backup ${since}, which is kept until \`socle backup release ${since}\``;
