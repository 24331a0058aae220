import { expect, test } from 'vitest';
import { parseContents, sequenceEntry } from './archive-contents.ts';
import { tolerant } from './dump.ts';

test('the table of contents is read by OIDs, whatever the names hold', () => {
  const contents = parseContents(`;
; Archive created at 2026-11-22
215; 1259 16390 TABLE shop TABLE DATA owner
3456; 0 16390 TABLE DATA shop TABLE DATA owner
243; 1259 16830 MATERIALIZED VIEW shop summary postgres
3723; 0 16830 MATERIALIZED VIEW DATA shop summary postgres
3763; 0 0 SEQUENCE SET shop Order Items_Id_seq postgres
3727; 0 0 BLOBS - BLOBS 
`);
  expect([...contents.objects]).toEqual(['1259 16390', '1259 16830']);
  expect([...contents.data]).toEqual(['16390', '16830']);
  expect(contents.sequences.has(sequenceEntry('shop', 'Order Items_Id_seq', 'postgres'))).toBe(true);
  expect(contents.largeObjects).toBe(true);
});

test('only the creation of roles becomes tolerant, and no text that looks like one', () => {
  const sql = `CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\nCOMMENT ON ROLE a IS 'x\nCREATE ROLE postgres;\n';\nCREATE ROLE "a b";\nALTER ROLE "a b" WITH NOLOGIN;`;
  const result = tolerant(sql, ['postgres', '"a b"']);
  expect(result).toContain(
    'DO $socle$BEGIN CREATE ROLE postgres; EXCEPTION WHEN duplicate_object THEN NULL; END$socle$;',
  );
  expect(result).toContain('BEGIN CREATE ROLE "a b"; EXCEPTION');
  expect(result).toContain(`'x\nCREATE ROLE postgres;\n'`);
});
