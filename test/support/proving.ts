import { statSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { findGaps } from '../../src/backup/missing.ts';
import type { Manifest } from '../../src/backup/schema.ts';
import { parseContents } from '../../src/database/archive-contents.ts';
import { countRows } from '../../src/database/counts.ts';
import { dumpOptions } from '../../src/database/dump-options.ts';
import { fingerprintLargeObjects, fingerprintTables } from '../../src/database/fingerprint.ts';
import { readCatalog, takeInventory } from '../../src/database/inventory.ts';
import { catalogOids } from '../../src/database/snapshot.ts';
import { prove } from '../../src/drill/proof/prove.ts';
import type { Proof } from '../../src/drill/schema.ts';
import { run } from '../../src/kernel/process.ts';
import { silent } from '../../src/kernel/progress.ts';
import type { TestServer } from './postgres.ts';
import { asRestored } from './restored.ts';

/** A dump with its manifest, made with nothing but pg_dump and the inventory: for tests of the proof alone. */
export interface Dumped {
  readonly manifest: Manifest;
  readonly archive: string;
}

/** What runs SQL as superuser. */
export interface SqlServer {
  sql(text: string, database?: string): Promise<pg.QueryResult>;
}

function access(server: TestServer): Record<string, string> {
  return { PGHOST: server.host, PGPORT: String(server.port), PGUSER: 'postgres', PGOPTIONS: dumpOptions };
}

async function within<T>(server: TestServer, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await server.connect(database);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Dumps a database into `directory`; `deep` hashes every table as well. */
export async function dump(
  server: TestServer,
  database: string,
  directory: string,
  deep = true,
  passwords = false,
): Promise<Dumped> {
  const archive = await dumpAs(server, database, directory, []);
  const { inventory, counts, fingerprints } = await within(server, database, async (client) => {
    const inventory = await takeInventory(client, { passwords });
    const { relations } = inventory;
    const populated = relations.filter(({ name }) => !isUnpopulated(inventory.objects, name));
    return {
      inventory,
      counts: await countRows(client, populated),
      fingerprints: deep
        ? [...(await fingerprintTables(client, populated)), await fingerprintLargeObjects(client)]
        : null,
    };
  });
  const at = '2026-01-01T00:00:00.000Z';
  const bytes = statSync(archive).size;
  const manifest: Manifest = {
    format: 'socle-backup/1',
    id: 'b-20260101t000000z-000000',
    platform: 'test',
    database,
    snapshotAt: at,
    startedAt: at,
    finishedAt: at,
    dump: { snapshot: '', tree: '', path: '', format: 'pg_dump custom', bytes, sha256: '', addedBytes: 0 },
    roles: { path: '', sha256: '', passwords },
    versions: { socle: '', pgDump: '', restic: '', server: '' },
    inventory,
    counts,
    fingerprints,
    heartbeatAt: null,
    missing: [],
    warnings: [],
    timings: { inventory: 0, dump: 0, readBack: 0, total: 0 },
  };
  return { manifest, archive };
}

/** An archive alone, made with further options of pg_dump. */
export async function dumpAs(
  server: TestServer,
  database: string,
  directory: string,
  options: readonly string[],
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const archive = join(directory, `${database}${options.join('')}.dump`);
  const args = ['-Fc', '-Z0', ...options, '-d', database, '-f', archive];
  await run(join(server.bin, 'pg_dump'), args, { env: access(server) });
  await chmod(archive, 0o644);
  return archive;
}

function isUnpopulated(objects: Manifest['inventory']['objects'], name: string): boolean {
  return objects.some((object) => object.name === name && object.properties.populated === false);
}

/** Creates the roles of one server on another; those that are there stay. */
export async function copyRoles(from: TestServer, to: TestServer): Promise<void> {
  const { stdout } = await run(join(from.bin, 'pg_dumpall'), ['--roles-only'], { env: access(from) });
  await run(join(to.bin, 'psql'), ['-X', '-q', '-d', 'postgres'], { env: access(to), input: stdout, accept: [0, 3] });
}

/** Restores a dump as a database of this name. */
export async function restore(server: TestServer, dumped: Dumped, name: string): Promise<string> {
  const original = dumped.manifest.inventory.database;
  const args = ['--create', '--exit-on-error', '-d', 'postgres', dumped.archive];
  const env = { ...access(server), PGOPTIONS: '-c default_transaction_read_only=off' };
  await run(join(server.bin, 'pg_restore'), args, { env });
  if (name !== original) await server.sql(`ALTER DATABASE "${original}" RENAME TO "${name}"`);
  return name;
}

/**
 * Copies a restored database with what CREATE DATABASE leaves behind: its settings, rights, limits, comment and
 * subscriptions. Much faster than another restore.
 */
export async function copyDatabase(server: SqlServer, from: string, to: string): Promise<string> {
  const [source, target] = [from, to].map((name) => pg.escapeLiteral(name));
  await server.sql(`CREATE DATABASE ${pg.escapeIdentifier(to)} TEMPLATE ${pg.escapeIdentifier(from)}`);
  const oid = (name: string | undefined) => `(SELECT oid FROM pg_database WHERE datname = ${name})`;
  await server.sql(`SET allow_system_table_mods = on; BEGIN;
    UPDATE pg_database t SET datacl = f.datacl, datconnlimit = f.datconnlimit, datdba = f.datdba
      FROM pg_database f WHERE f.datname = ${source} AND t.datname = ${target};
    INSERT INTO pg_db_role_setting SELECT ${oid(target)}, setrole, setconfig FROM pg_db_role_setting
      WHERE setdatabase = ${oid(source)};
    INSERT INTO pg_shdescription SELECT ${oid(target)}, classoid, description FROM pg_shdescription
      WHERE classoid = 'pg_database'::regclass AND objoid = ${oid(source)};
    INSERT INTO pg_subscription SELECT (jsonb_populate_record(NULL::pg_subscription, to_jsonb(s) || jsonb_build_object(
        'subdbid', ${oid(target)}, 'oid', pg_nextoid('pg_subscription', 'oid', 'pg_subscription_oid_index')))).*
      FROM pg_subscription s WHERE s.subdbid = ${oid(source)};
    COMMIT`);
  return to;
}

/** Drops a copy, and whatever was done to it. */
export async function dropCopy(server: SqlServer, name: string): Promise<void> {
  await server.sql(`SET allow_system_table_mods = on; DELETE FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = ${pg.escapeLiteral(name)})`);
  await server.sql(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

/** Proves a copy on a test server. */
export async function proveCopy(
  server: TestServer,
  dumped: Dumped,
  database: string,
  workDirectory: string,
  showValues = false,
): Promise<Proof> {
  const restored = await asRestored(server);
  return prove({
    manifest: dumped.manifest,
    archive: dumped.archive,
    restored: { server: restored, database },
    reference: restored,
    workDirectory,
    jobs: 2,
    showValues,
    progress: silent,
  });
}

/** What a backup of this dump would be said to lack. */
export async function gapsOf(server: TestServer, { archive, manifest }: Dumped): Promise<string[]> {
  const { stdout } = await run(join(server.bin, 'pg_restore'), ['--list', archive]);
  return within(server, manifest.database, async (client) => {
    const gaps = findGaps(await readCatalog(client), parseContents(stdout), await catalogOids(client), manifest.counts);
    return [...gaps.missing];
  });
}
