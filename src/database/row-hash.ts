/**
 * How the hashes of single rows become one of all rows, whatever their order: the SHA-256 of each row's text becomes four
 * 64-bit numbers, each of which is added up.
 *
 * - `seeded`: PostgreSQL's own 64-bit hash of the SHA-256, with four seeds. One call per number.
 * - `lanes`: the SHA-256 cut into four. Backups from before `seeded` were hashed so, and are compared so. SQL can only
 *   read hexadecimal through a bit string, which takes longer than the SHA-256 of a short row.
 */
export type HashForm = 'seeded' | 'lanes';

const four = [0, 1, 2, 3];

/** The four numbers of a SHA-256 in hexadecimal, read from the column `h` that `rowHash` or any other query gives. */
const numbers: Readonly<Record<HashForm, readonly string[]>> = {
  seeded: four.map((seed) => `pg_catalog.hashtextextended(h COLLATE pg_catalog."C", ${seed})`),
  lanes: four.map((lane) => `('x' || pg_catalog.substr(h, ${lane * 16 + 1}, 16))::bit(64)::bigint`),
};

/**
 * Count and sums (`n`, `l0` … `l3`, as text) over a query that returns hexadecimal hashes as `h`.
 *
 * `h` is used four times, and the planner would replace each use by its expression: each row hashed four times, with four
 * copies of a value of 600 MB at once. A volatile column keeps the query as it is; `OFFSET 0` does too, and would keep the
 * server from using several processes.
 */
export function sumsOf(hashes: string, form: HashForm): string {
  const sums = numbers[form].map((number, index) => `pg_catalog.sum(${number})::text AS l${index}`);
  return `SELECT pg_catalog.count(*)::text AS n, ${sums.join(', ')} FROM (${hashes}) hashed`;
}

/** The column `h` of a query: SHA-256 of a text, and what makes that it is computed once. */
export function rowHash(text: string): string {
  // The database's own encoding: no conversion that could fail, whatever the bytes are.
  return `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${text}, pg_catalog.getdatabaseencoding())), 'hex') AS h,
    pg_catalog.clock_timestamp() AS once`;
}
