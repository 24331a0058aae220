import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeInventory } from '../../src/database/inventory.ts';
import type { Inventory } from '../../src/database/inventory-schema.ts';
import { pinSession } from '../../src/database/session.ts';
import { run } from '../../src/kernel/process.ts';
import type { TestServer } from './postgres.ts';

/** A dump of one database made by PostgreSQL's own programs, with what a manifest would say of it. */
export interface TestArchive {
  readonly archive: string;
  readonly roles: string;
  readonly inventory: Inventory;
  remove(): Promise<void>;
}

export async function dumpDatabase(server: TestServer, database: string): Promise<TestArchive> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-archive-'));
  const connection = ['-h', server.host, '-U', 'postgres'];
  const archive = join(directory, 'backup.dump');
  const roles = join(directory, 'roles.sql');
  await run(join(server.bin, 'pg_dump'), [...connection, '-Fc', '-Z0', '-f', archive, database]);
  const { stdout } = await run(join(server.bin, 'pg_dumpall'), [...connection, '--roles-only']);
  await writeFile(roles, stdout);
  const client = await server.connect(database);
  try {
    await pinSession(client);
    const inventory = await takeInventory(client);
    return { archive, roles, inventory, remove: () => rm(directory, { recursive: true, force: true }) };
  } finally {
    await client.end();
  }
}
