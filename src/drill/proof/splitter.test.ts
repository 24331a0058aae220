import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataCollector } from './data-summary.ts';
import { DumpSplitter } from './splitter.ts';
import { parseCall, parseCopyHeader } from './sql-text.ts';

const text = Buffer.from(
  [
    '--',
    "-- Data for Name: it's; Type: TABLE DATA",
    '--',
    '',
    '\\restrict aBc123',
    '',
    "SET client_encoding = 'UTF8';",
    "SELECT pg_catalog.set_config('search_path', '', false);",
    '',
    'COPY public."odd;\n""table\'" ("c;\nol", b) FROM stdin;',
    '1\ta\\\\.\\n\\\\.',
    '\\\\.\t\\N',
    '\\.',
    '',
    '',
    'COPY public.empty (a) FROM stdin;',
    '\\.',
    '',
    '',
    'COPY public.nocols  FROM stdin;',
    '',
    '',
    '\\.',
    '',
    "SELECT pg_catalog.setval('public.\"s''q\\x\"', 5, true);",
    '',
    'BEGIN;',
    "SELECT pg_catalog.lo_open('4242', 131072);",
    "SELECT pg_catalog.lowrite(0, '\\x00ff');",
    "SELECT pg_catalog.lowrite(0, '\\xab');",
    'SELECT pg_catalog.lo_close(0);',
    'COMMIT;',
    "COMMENT ON LARGE OBJECT 4242 IS 'a;\n\\.\n''b';",
    '-- done',
    '\\unrestrict aBc123',
    '',
  ].join('\n'),
  'latin1',
);

function collect(chunks: readonly Buffer[]) {
  const collector = new DataCollector();
  const splitter = new DumpSplitter(collector);
  for (const chunk of chunks) splitter.write(chunk);
  return { summary: collector.summary(), whole: splitter.end() };
}

test('a dump is cut into tables, sequences, large objects and every other statement', () => {
  const { summary, whole } = collect([text]);
  expect(whole).toBe(true);
  expect(
    [...summary.blocks.values()].map(({ schema, table, columns, bytes }) => [schema, table, columns, bytes]),
  ).toEqual([
    ['public', 'odd;\n"table\'', ['c;\nol', 'b'], 22],
    ['public', 'empty', ['a'], 3],
    ['public', 'nocols', [], 5],
  ]);
  expect([...summary.sequences]).toEqual([['public."s\'q\\x"', '5, true']]);
  expect([...summary.largeObjects.keys()]).toEqual(['4242']);
  expect(summary.statements).toEqual(["COMMENT ON LARGE OBJECT 4242 IS 'a;\n\\.\n''b';"]);
});

test('wherever the text is cut into chunks, the result is the same', () => {
  const whole = collect([text]);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 40 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      expect(collect(places.slice(1).map((end, i) => text.subarray(places[i], end)))).toEqual(whole);
    }),
  );
  expect(collect(Array.from(text, (_, i) => text.subarray(i, i + 1)))).toEqual(whole);
});

test('rows of any bytes come back as they were written, and a changed byte changes the hash', () => {
  const row = fc
    .array(fc.constantFrom('\\\\.', '\\\\', '\t', 'x', '.', '\\N', '\u00e9', '\u0001'), { maxLength: 6 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.integer({ min: 1, max: 7 }), (rows, size) => {
      const dump = Buffer.from(
        `COPY a.b (c) FROM stdin;\n${rows.map((r) => `${r}\n`).join('')}\\.\n\n\nSET x = 1;\n`,
        'latin1',
      );
      const chunks = Array.from({ length: Math.ceil(dump.length / size) }, (_, i) =>
        dump.subarray(i * size, (i + 1) * size),
      );
      const { summary, whole } = collect(chunks);
      expect(whole).toBe(true);
      expect(summary.statements).toEqual([]);
      expect(summary.blocks.size).toBe(1);
      const [block] = summary.blocks.values();
      expect(block?.bytes).toBe(rows.reduce((sum, r) => sum + r.length + 1, 3));
      const other = collect([
        Buffer.from(dump.toString('latin1').replace('stdin;\n', 'stdin;\ny\n'), 'latin1'),
      ]).summary;
      expect([...other.blocks.values()][0]?.tag).not.toBe(block?.tag);
    }),
  );
});

test.each(['COPY a.b (c) FROM stdin;\n1\n', 'COPY a.b (c', "SELECT pg_catalog.setval('a"])(
  'a text cut off is noticed: %j',
  (cut) => expect(collect([Buffer.from(cut)]).whole).toBe(false),
);

test('what cannot be read as a header or a call is not guessed at', () => {
  expect(parseCopyHeader('COPY b FROM stdin;')).toBeUndefined();
  expect(parseCopyHeader('COPY a.b (c FROM stdin;')).toBeUndefined();
  expect(parseCall("SELECT pg_catalog.setval('a', 1 + 1);")).toBeUndefined();
  expect(parseCall("SELECT pg_catalog.setval(E'a\\\\b', -1, false);")).toEqual({
    name: 'setval',
    args: ['a\\b', '-1', 'false'],
  });
});
