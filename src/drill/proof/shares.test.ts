import { expect, test } from 'vitest';
import type { DataRelation } from '../../database/inventory-schema.ts';
import { type SizedTable, shareOut } from './shares.ts';

const table = (name: string, bytes: number, schema = 'shop'): SizedTable => ({ schema, table: name, bytes });
const relation = ({ schema, table: name, bytes }: SizedTable, kind: DataRelation['kind'] = 'table'): DataRelation => ({
  name: `${schema}.${name}`,
  schema,
  table: name,
  kind,
  columns: ['id'],
  key: ['id'],
  bytes,
});
const known = (tables: readonly SizedTable[]) => tables.map((one) => relation(one));

test('large tables are shared out by their size, and the first session takes all the rest', () => {
  const tables = [table('lines', 60), table('orders', 50), table('customers', 30), table('notes', 1)];
  expect(shareOut(tables, known(tables), 2)).toEqual([
    ['--exclude-table-data="shop"."orders"', '--exclude-table-data="shop"."customers"'],
    ['--table="shop"."orders"', '--table="shop"."customers"'],
  ]);
});

test('a table that nobody expects, one of an extension and one with a name in another script stay with the first', () => {
  const [extra, config, accented] = [table('extra', 90), table('config', 80), table('été', 70)];
  const orders = table('orders', 10);
  const tables = [extra, config, accented, orders];
  const relations = [relation(config, 'extension table'), relation(accented), relation(orders)];
  expect(shareOut(tables, relations, 2)).toEqual([
    ['--exclude-table-data="shop"."orders"'],
    ['--table="shop"."orders"'],
  ]);
});

test('names are quoted as patterns that match themselves alone', () => {
  const tables = [table('big', 9), table('we"ird.*', 5, 'My Schema')];
  expect(shareOut(tables, known(tables), 2)[1]).toEqual(['--table="My Schema"."we""ird.*"']);
});

test('there are no more sessions than tables, and one session takes everything', () => {
  const tables = [table('a', 2), table('b', 1)];
  expect(shareOut(tables, known(tables), 8)).toHaveLength(2);
  expect(shareOut(tables, known(tables), 1)).toEqual([[]]);
  expect(shareOut([table('empty', 0), table('too', 0)], known(tables), 4)).toEqual([[]]);
  expect(shareOut([], [], 2)).toEqual([[]]);
});
