import { expect, test } from 'vitest';
import type { Inventory, InventoryObject } from '../../database/inventory-schema.ts';
import { fail } from '../../kernel/errors.ts';
import { compareSchema, type SchemaSides } from './compare-schema.ts';
import { Completed } from './completed.ts';
import { Differences } from './differences.ts';
import type { Rebuilt } from './rebuild.ts';
import { schemaPieces } from './schema-text.ts';

const check = (definition: string): InventoryObject => ({
  kind: 'constraint',
  name: 'shop.orders.listed',
  properties: { definition, validated: true },
});
const role = (name: string): InventoryObject => ({ kind: 'role', name, properties: { login: true } });

function inventory(objects: readonly InventoryObject[], version: string | null = '153.120'): Inventory {
  const collations = [{ name: 'pg_catalog."fr-x-icu"', provider: 'icu', locale: 'fr', version }];
  return { server: { major: 15, versionNumber: 150018, collations }, objects } as unknown as Inventory;
}

const rebuilt = (result: Rebuilt) => () => Completed.by(undefined, async () => result);

async function compared(sides: Partial<SchemaSides>) {
  const differences = new Differences();
  const nothing = { archived: [], dumped: [], showValues: false };
  const rebuild = async () => Promise.reject(new Error('not needed'));
  const empty = inventory([]);
  const result = await compareSchema({ source: empty, copy: empty, ...nothing, rebuild, ...sides }, differences);
  return { ...result, differences: differences.kept };
}

test('a text that the rebuilt schema spells in the same way is respelled, and any other one is a difference', async () => {
  const sides = { source: inventory([check('CHECK (a)')]), copy: inventory([check('CHECK ((a))')]) };
  const spelled = await compared({ ...sides, rebuild: rebuilt({ objects: [check('CHECK ((a))')], pieces: [] }) });
  expect(spelled).toMatchObject({ differences: [], respelled: [{ kind: 'constraint', object: 'shop.orders.listed' }] });
  const other = await compared({ ...sides, rebuild: rebuilt({ objects: [check('CHECK (a)')], pieces: [] }) });
  expect(other.differences).toMatchObject([{ problem: 'changed', property: 'definition', found: 'CHECK ((a))' }]);
});

test('what the archive lacks as well stays missing, and so does every property that is no text', async () => {
  const lost = await compared({
    source: inventory([check('CHECK (a)')]),
    rebuild: rebuilt({ objects: [], pieces: [] }),
  });
  expect(lost).toMatchObject({ missing: 1, differences: [{ problem: 'missing', property: null }] });
  const unvalidated = { ...check('CHECK (a)'), properties: { definition: 'CHECK (a)', validated: false } };
  const changed = await compared({
    source: inventory([check('CHECK (a)')]),
    copy: inventory([unvalidated]),
    rebuild: rebuilt({ objects: [unvalidated], pieces: [] }),
  });
  expect(changed.differences).toMatchObject([{ problem: 'changed', property: 'validated' }]);
});

test('a role that the source has not is noted; what binds roles of the source is a difference', async () => {
  const member = (name: string): InventoryObject => ({ kind: 'membership', name, properties: { admin: false } });
  const setting = (name: string): InventoryObject => ({ kind: 'setting', name, properties: { value: 'secret' } });
  const result = await compared({
    source: inventory([role('a'), role('b')]),
    copy: inventory([
      role('a'),
      role('b'),
      role('boss'),
      member('boss IN a GRANTED BY boss'),
      setting('role boss: work_mem'),
      member('a IN b GRANTED BY boss'),
      setting('role a: x.token'),
    ]),
  });
  expect(result.notes).toEqual([expect.stringMatching(/roles of its own: boss$/)]);
  expect(result.differences.map(({ object, problem, found }) => [object, problem, found])).toEqual([
    ['a IN b GRANTED BY boss', 'extra', null],
    ['role a: x.token', 'extra', null],
  ]);
});

test('another version of a collation is noted', async () => {
  const { notes, differences } = await compared({ copy: inventory([], '153.121') });
  expect(notes).toEqual([expect.stringMatching(/fr-x-icu.*153\.120.*153\.121/)]);
  expect(differences).toEqual([]);
});

const dump = (...entries: readonly (readonly [name: string, sql: string])[]) =>
  schemaPieces(
    `--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET x = 1;\n\n${entries
      .map(([name, sql]) => `--\n-- Name: ${name}; Type: TABLE; Schema: shop; Owner: o\n--\n\n${sql}\n\n\n`)
      .join('')}--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n`,
  );

test('the text of the schema is a second opinion, whatever the order of its entries', async () => {
  const a = ['a', 'CREATE TABLE shop.a (x int);'] as const;
  const b = ['b', 'CREATE TABLE shop.b (x int);'] as const;
  const c = ['b', 'CREATE TABLE shop.b (x bigint);'] as const;
  expect(await compared({ archived: dump(a, b), dumped: dump(b, a) })).toMatchObject({
    differences: [],
    respelled: [],
  });
  const sides = { archived: dump(a, b), dumped: dump(a, c) };
  const judged = await compared({ ...sides, rebuild: rebuilt({ objects: [], pieces: dump(c, a) }) });
  expect(judged).toMatchObject({ differences: [], respelled: [{ kind: 'table', object: 'shop.b' }] });
  const wrong = await compared({ ...sides, rebuild: rebuilt({ objects: [], pieces: dump(a, b) }) });
  expect(wrong.differences).toMatchObject([{ kind: 'schema text', object: 'table shop.b', problem: 'changed' }]);
});

test('a helper that failed is no evidence: the rebuilding is tried again, and without it nothing is accused', async () => {
  const failing = (times: number) => {
    let calls = 0;
    return async () => {
      calls += 1;
      if (calls <= times) throw fail('command-failed', 'pg_restore ended with 137');
      return rebuilt({ objects: [check('CHECK ((a))')], pieces: [] })();
    };
  };
  const spelled = { source: inventory([check('CHECK (a)')]), copy: inventory([check('CHECK ((a))')]) };
  expect(await compared({ ...spelled, rebuild: failing(1) })).toMatchObject({ differences: [], notes: [] });
  await expect(compared({ ...spelled, rebuild: failing(2) })).rejects.toMatchObject({ code: 'command-failed' });
  const text = {
    archived: dump(['a', 'CREATE TABLE shop.a (x int);']),
    dumped: dump(['a', 'CREATE TABLE shop.a (x  int);']),
  };
  await expect(compared({ ...text, rebuild: failing(2) })).rejects.toMatchObject({ code: 'command-failed' });

  // What needs no judge still counts, and nothing that does is added to it.
  const lost = { source: inventory([check('CHECK (a)'), role('clerk')]), copy: inventory([check('CHECK ((a))')]) };
  const found = await compared({ ...lost, ...text, rebuild: failing(2) });
  expect(found.differences).toMatchObject([{ kind: 'role', object: 'clerk', problem: 'missing' }]);
  expect(found.notes).toEqual([expect.stringContaining('ended with 137')]);
});
