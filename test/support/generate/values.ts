import fc from 'fast-check';
import { literal } from './draw.ts';

/** A type of column, and SQL literals of it without the cast. */
export interface ColumnType {
  readonly type: string;
  readonly value: fc.Arbitrary<string>;
}

/** Text that PostgreSQL can hold: no NUL, no lone surrogate; with what COPY has to escape. */
export const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('\\', '.', '\n', '\r', '\t', '\b', '\v', "'", '"', 'N', 'é', '\u0001'),
    maxLength: 8,
  }),
  fc.constantFrom('', '\\.', '\\N', '\n\\.\n', 'a\r\nb', 'NULL', 'x'.repeat(3_000)),
);
const clean = text.map((value) => value.replaceAll('\0', '').toWellFormed());
const instant = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T00:00:00Z'),
  noInvalidDate: true,
});
const special = (...values: string[]) => fc.constantFrom(...values);
const array = (item: fc.Arbitrary<string>) =>
  fc.array(fc.option(item), { maxLength: 4 }).map((items) => {
    const parts = items.map((one) =>
      one === null ? 'NULL' : `"${one.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
    );
    return `{${parts.join(',')}}`;
  });

/** PostgreSQL's jsonb has no NUL, and json text is kept as it is. */
const json = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.stringify(value).replaceAll(/\\u0000|\\ud[89a-f]../gi, ''));

export const columnTypes: readonly ColumnType[] = [
  { type: 'integer', value: fc.integer().map(String) },
  { type: 'bigint', value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  {
    type: 'numeric',
    value: fc.oneof(
      special('NaN', 'Infinity', '-Infinity', '0.10', '1e300'),
      fc.integer().map((n) => `${n}.50`),
    ),
  },
  {
    type: 'double precision',
    value: fc.oneof(
      special('NaN', 'Infinity', '-Infinity', '-0', '1e-300'),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }).map(String),
    ),
  },
  { type: 'real', value: special('NaN', 'Infinity', '-0', '0.1', '3.4e38') },
  { type: 'text', value: clean },
  { type: 'varchar(200)', value: clean.map((value) => [...value].slice(0, 150).join('')) },
  { type: 'character(9)', value: special('a', 'é', '', '123456789') },
  { type: 'bytea', value: fc.uint8Array({ maxLength: 40 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`) },
  { type: 'boolean', value: special('t', 'f') },
  {
    type: 'date',
    value: fc.oneof(
      special('infinity', '-infinity', '0044-03-15 BC'),
      instant.map((at) => at.toISOString().slice(0, 10)),
    ),
  },
  {
    type: 'timestamp',
    value: fc.oneof(
      special('infinity', '-infinity'),
      instant.map((at) => at.toISOString().slice(0, 23)),
    ),
  },
  {
    type: 'timestamptz',
    value: fc.oneof(
      special('infinity', '2026-10-25 02:30+02'),
      instant.map((at) => at.toISOString()),
    ),
  },
  { type: 'interval', value: special('1 year -2 days', '-00:00:01.5', '10 mons 3 days 04:05:06') },
  { type: 'uuid', value: fc.uuid() },
  { type: 'jsonb', value: json },
  { type: 'json', value: json.map((value) => ` ${value}`) },
  { type: 'text[]', value: array(clean) },
  { type: 'integer[]', value: special('{}', '{1,NULL,3}', '{{1,2},{3,4}}', '[2:3]={7,8}') },
  { type: 'bit varying(12)', value: special('', '0', '101010') },
  { type: 'inet', value: special('10.0.0.0/8', '::1', '192.0.2.7') },
  { type: 'int4range', value: special('empty', '[1,5)', '(,7)', '[3,)') },
  { type: 'tstzrange', value: special('empty', '[2026-01-01,2026-02-01)', '(,)') },
  { type: 'point', value: special('(1,2)', '(-0.5,1e10)') },
  { type: 'tsvector', value: special("'a':1 'b':2A", "'it''s'") },
];

/** A literal of the type, or NULL now and then. */
export function literals({ type, value }: ColumnType, nullable = true): fc.Arbitrary<string> {
  const some = value.map((one) => `${literal(one)}::${type}`);
  return nullable ? fc.option(some, { freq: 6 }).map((one) => one ?? 'NULL') : some;
}
