import fc from 'fast-check';
import type { Difference } from '../../../src/drill/schema.ts';
import { type Draw, ident, printed } from './draw.ts';
import { type ColumnType, columnTypes, literals } from './values.ts';

/** One way to damage a restored copy, and how the proof has to name it. */
export interface Damage {
  readonly kind: string;
  /** Run in the copy; `DATABASE DATABASE` becomes its name. */
  readonly sql: string;
  readonly names: Partial<Difference>;
  /** Puts back what belongs to the server and not to the copy. */
  readonly undo?: string;
}

/** One object or family of objects of a random schema. */
export interface Part {
  readonly sql: string;
  readonly damages: readonly Damage[];
}

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

export interface Table {
  readonly schema: string;
  readonly name: string;
  /** For SQL. */
  readonly sql: string;
  /** As the inventory prints it. */
  readonly object: string;
  readonly columns: readonly Column[];
  /** Rows have the ids from 1 to `rows`. */
  readonly rows: number;
}

export interface Schema {
  readonly draw: Draw;
  readonly schemas: readonly string[];
  readonly roles: { readonly owner: string; readonly reader: string };
  readonly tables: Table[];
}

export const qualify = (schema: string, name: string) => ({
  sql: `${ident(schema)}.${ident(name)}`,
  object: `${printed(schema)}.${printed(name)}`,
});

/** A new table with an `id` as its key and random columns with random rows. */
export function newTable(
  schema: Schema,
  options: { columns?: readonly ColumnType[]; tail?: string; minimum?: number } = {},
) {
  const { draw } = schema;
  const name = draw.name();
  const home = draw.pick(schema.schemas);
  const types = options.columns ?? Array.from({ length: 1 + draw.upTo(4) }, () => draw.pick(columnTypes));
  const columns = types.map((type) => ({ name: draw.name(), type }));
  const rows = (options.minimum ?? 0) + draw.upTo(12);
  const table: Table = { schema: home, name, ...qualify(home, name), columns, rows };
  schema.tables.push(table);
  const definitions = columns.map((column) => `${ident(column.name)} ${column.type.type}`);
  const create = `CREATE TABLE ${table.sql} (${['id integer PRIMARY KEY', ...definitions].join(', ')}) ${options.tail ?? ''}`;
  return { table, sql: `${create};\n${insert(schema, table)}` };
}

/** Rows with the ids from 1 on. */
export function insert({ draw }: Schema, { sql, columns, rows }: Table): string {
  if (rows === 0) return '';
  const row = fc.tuple(...columns.map(({ type }) => literals(type)));
  const values = Array.from({ length: rows }, (_, index) => `(${[index + 1, ...draw.of(row)].join(', ')})`);
  const names = ['id', ...columns.map(({ name }) => ident(name))].join(', ');
  return `INSERT INTO ${sql} (${names}) VALUES\n${values.join(',\n')};`;
}

/** Sets a value to another one, whatever it was. */
export function changeValue({ draw }: Schema, { sql, object, columns, rows }: Table): Damage | undefined {
  const [column] = draw.shuffled(columns);
  if (!column || rows === 0) return undefined;
  const [a, b] = draw.of(
    fc.tuple(literals(column.type, false), literals(column.type, false)).filter(([one, other]) => one !== other),
  );
  const id = 1 + draw.upTo(rows - 1);
  const c = ident(column.name);
  return {
    kind: 'a changed value',
    sql: `UPDATE ${sql} SET ${c} = CASE WHEN ${c}::text IS NOT DISTINCT FROM (${a})::text THEN ${b} ELSE ${a} END WHERE id = ${id}`,
    names: { kind: 'rows', object, problem: 'changed', row: `id=${id}`, column: column.name },
  };
}

export const damage = (
  kind: string,
  sql: string,
  object: readonly [kind: string, name: string, problem: Difference['problem'], property?: string | null],
): Damage => {
  const [of, name, problem, property] = object;
  return { kind, sql, names: { kind: of, object: name, problem, ...(property === undefined ? {} : { property }) } };
};
