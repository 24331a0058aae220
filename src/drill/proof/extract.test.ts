import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../../test/support/postgres.ts';
import { asRestored } from '../../../test/support/restored.ts';
import { inCopy } from './copy-session.ts';
import { rowsOfCopy } from './extract.ts';
import { mayNameRows, tableFacts } from './table-facts.ts';

let server: TestServer;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-extract-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('of a configuration table of an extension only the rows that a dump has are read', async () => {
  const database = await server.createDatabase();
  await server.sql(
    `CREATE EXTENSION hstore; CREATE TABLE "odd ""name" (id int PRIMARY KEY, "te;xt" text, own boolean);
     INSERT INTO "odd ""name" VALUES (1, 'theirs', false), (2, 'ours', true);
     ALTER EXTENSION hstore ADD TABLE "odd ""name"; SET allow_system_table_mods = on;
     UPDATE pg_extension SET extconfig = ARRAY['"odd ""name"'::regclass]::oid[], extcondition = ARRAY['WHERE own']
      WHERE extname = 'hstore'`,
    database,
  );
  const restored = await asRestored(server);
  const facts = await inCopy(restored, database, (client) => tableFacts(client, 'public', 'odd "name'));
  expect(facts.condition).toBe('WHERE own');
  expect([mayNameRows(['id'], facts), mayNameRows(['id', 'te;xt'], facts), mayNameRows([], facts)]).toEqual([
    true,
    false,
    false,
  ]);

  const file = join(directory, 'rows');
  const columns = ['te;xt', 'id'];
  const block = { schema: 'public', table: 'odd "name', columns, ordinal: 0, header: '', bytes: 0, tag: '' };
  await rowsOfCopy({ server: restored, directory, database }, block, facts.condition, file);
  expect(await readFile(file, 'utf8')).toBe('ours\t2\n');
  await rowsOfCopy({ server: restored, directory, database }, block, null, file);
  expect(await readFile(file, 'utf8')).toBe('theirs\t1\nours\t2\n');
});
