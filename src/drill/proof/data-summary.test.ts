import { expect, test } from 'vitest';
import { DataCollector, merge } from './data-summary.ts';
import { DumpSplitter } from './splitter.ts';

function summaryOf(dump: string) {
  const collector = new DataCollector();
  const splitter = new DumpSplitter(collector);
  splitter.write(Buffer.from(dump));
  expect(splitter.end()).toBe(true);
  return collector.summary();
}

const rows = (table: string, ...ids: number[]) =>
  `COPY public.${table} (id) FROM stdin;\n${ids.map((id) => `${id}\n`).join('')}\\.\n\n`;
const value = (last: number) => `SELECT pg_catalog.setval('public.s', ${last}, true);\n`;
const largeObject = (hex: string) =>
  `SELECT pg_catalog.lo_open('7', 131072);\nSELECT pg_catalog.lowrite(0, '\\x${hex}');\nSELECT pg_catalog.lo_close(0);\n`;
const analyze = 'ANALYZE;\n';

test('two dumps that share the tables hold what one dump of all holds', () => {
  const whole = summaryOf(rows('a', 1, 2) + rows('b', 3) + value(9) + largeObject('00'));
  const parts = [summaryOf(rows('b', 3) + value(9) + largeObject('00')), summaryOf(rows('a', 1, 2) + value(9))];
  const merged = merge(parts);
  const tags = (summary: typeof whole) => new Map([...summary.blocks].map(([key, { tag }]) => [key, tag]));
  expect(tags(merged)).toEqual(tags(whole));
  expect(merged.sequences).toEqual(whole.sequences);
  expect(merged.largeObjects).toEqual(whole.largeObjects);
  expect(merged.statements).toEqual(whole.statements);
});

test('what two dumps hold differently, or both, does not pass for what one would hold', () => {
  const merged = merge([
    summaryOf(rows('a', 1) + value(9) + largeObject('00') + analyze),
    summaryOf(rows('a', 1) + value(8) + largeObject('01') + analyze),
  ]);
  expect([...merged.blocks.keys()]).toEqual(['["public","a"]', '["public","a"] again']);
  expect([...merged.sequences]).toEqual([['public.s', '9, true; 8, true']]);
  expect(merged.largeObjects.get('7')).toMatch(/^1 \S+; 1 \S+$/);
  expect(merged.statements).toEqual(['ANALYZE;', 'ANALYZE;']);
});
