import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEveryKind } from '../../test/support/every-kind.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { run } from '../kernel/process.ts';
import { countRows } from './counts.ts';
import { fingerprintLargeObjects, fingerprintTables } from './fingerprint.ts';
import { takeInventory } from './inventory.ts';
import { type Inventory, inventorySchema } from './inventory-schema.ts';

let source: TestServer;
let target: TestServer;
let name: string;
let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'socle-inventory-'));
  [source, target] = await Promise.all([startPostgres(), startPostgres()]);
  name = await createEveryKind(source);
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  rmSync(work, { recursive: true, force: true });
});

async function look<T>(
  server: TestServer,
  database: string,
  work: (client: Awaited<ReturnType<TestServer['connect']>>) => Promise<T>,
) {
  const client = await server.connect(database);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const listed = (inventory: Inventory) =>
  inventory.objects
    .filter(({ name }) => name !== respelled)
    .map(({ kind, name, properties }) => `${kind} | ${name} | ${JSON.stringify(properties)}`)
    .sort();

/** PostgreSQL prints a varchar column's `IN (…)` in another way after a correct restore (FACTS): nothing else does. */
const respelled = 'shop.customers.customers_status_check';

test('a correct restore has the same inventory, counts and hashes', async () => {
  const access = (server: TestServer) => ({ PGHOST: server.host, PGPORT: String(server.port), PGUSER: 'postgres' });
  const roles = await run(join(source.bin, 'pg_dumpall'), ['--roles-only'], { env: access(source) });
  await run(join(target.bin, 'psql'), ['-X', '-q', '-d', 'postgres'], {
    env: access(target),
    input: roles.stdout,
    accept: [0, 3],
  });
  const archive = join(work, 'archive');
  await run(join(source.bin, 'pg_dump'), ['-Fc', '-d', name, '-f', archive], { env: access(source) });
  await run(join(target.bin, 'pg_restore'), ['--create', '--exit-on-error', '-d', 'postgres', archive], {
    env: access(target),
  });

  const [there, here] = await Promise.all([look(source, name, takeInventory), look(target, name, takeInventory)]);
  expect(listed(here)).toEqual(listed(there));
  expect(there.objects.map((object) => object.name)).toContain(respelled);
  expect(here.relations.map((relation) => ({ ...relation, bytes: 0 }))).toEqual(
    there.relations.map((relation) => ({ ...relation, bytes: 0 })),
  );
  expect(here.largeObjects).toEqual(there.largeObjects);
  for (const part of [countRows, fingerprintTables]) {
    expect(await look<unknown>(target, name, (client) => part(client, here.relations))).toEqual(
      await look<unknown>(source, name, (client) => part(client, there.relations)),
    );
  }
  expect(await look(target, name, fingerprintLargeObjects)).toEqual(await look(source, name, fingerprintLargeObjects));
});

test('names are unique per kind, every kind is there, and no secret is', async () => {
  const inventory = inventorySchema.parse(await look(source, name, takeInventory));
  const names = inventory.objects.map((object) => `${object.kind} ${object.name}`);
  expect(names.filter((one, index) => names.indexOf(one) !== index)).toEqual([]);
  expect([...new Set(inventory.objects.map((object) => object.kind))].sort()).toMatchSnapshot();
  expect(JSON.stringify(inventory)).not.toMatch(/mapped-secret|hashed-secret/);
});
