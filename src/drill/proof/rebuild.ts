import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { takeInventory } from '../../database/inventory.ts';
import type { InventoryObject, ServerFacts } from '../../database/inventory-schema.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import { inCopy } from './copy-session.ts';
import { databaseArgument, programText, type Reading } from './programs.ts';
import { type SchemaPiece, schemaPieces } from './schema-text.ts';

/** The artifact's schema in an empty database, as this server and its pg_dump print it. */
export interface Rebuilt {
  readonly objects: readonly InventoryObject[];
  readonly pieces: readonly SchemaPiece[];
}

export interface RebuildInput extends Pick<Reading, 'signal'> {
  readonly reference: RestoredServer;
  readonly archive: string;
  /** Of the source: the second database gets the same encoding and locale. */
  readonly facts: ServerFacts;
}

/**
 * Restores the schema of the archive into a second, empty database and reads it back. The database is dropped again.
 * @throws `command-failed` when the schema alone cannot be restored
 */
export async function rebuildSchema(input: RebuildInput): Promise<Rebuilt> {
  const { reference, archive, signal } = input;
  const name = `socle_schema_${randomBytes(4).toString('hex')}`;
  await inCopy(reference, 'postgres', (client) => client.query(createDatabase(name, input.facts)));
  try {
    const restore = [...schemaOnly, '--exit-on-error', '-d', databaseArgument(name), archive];
    await programText({
      server: reference,
      program: 'pg_restore',
      args: restore,
      // pg_restore makes event triggers before it refreshes materialized views: one that refuses DDL would stop it. There
      // are no rows here that other triggers could matter to. Since 17 a setting of its own turns them off.
      settings: '-c session_replication_role=replica',
      readable: [archive],
      signal,
    });
    const { objects } = await inCopy(reference, name, takeInventory);
    return { objects, pieces: await dumpedPieces({ server: reference, signal }, name) };
  } finally {
    await inCopy(reference, 'postgres', (client) =>
      client.query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`),
    );
  }
}

/** A database with a subscription cannot be dropped, and its connection must not be tried: the inventory alone has them. */
const schemaOnly = ['--schema-only', '--no-subscriptions'] as const;

type ReadingFrom = Pick<Reading, 'server' | 'signal'>;

/** The schema of a database as pg_dump prints it. */
export async function dumpedPieces(from: ReadingFrom, database: string): Promise<SchemaPiece[]> {
  const args = [...schemaOnly, '-d', databaseArgument(database)];
  return schemaPieces((await programText({ ...from, program: 'pg_dump', args })).toString('latin1'));
}

/** The schema of an archive as pg_restore prints it. */
export async function archivedPieces(from: ReadingFrom, archive: string): Promise<SchemaPiece[]> {
  const args = [...schemaOnly, '-f', '-', archive];
  return schemaPieces(
    (await programText({ ...from, program: 'pg_restore', args, readable: [archive] })).toString('latin1'),
  );
}

/** CREATE DATABASE as on the source. The options are those of PostgreSQL 15 to 18. */
export function createDatabase(name: string, facts: ServerFacts): string {
  const literal = pg.escapeLiteral;
  const provider =
    facts.localeProvider === 'libc'
      ? ''
      : ` LOCALE_PROVIDER ${facts.localeProvider} ${facts.localeProvider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${literal(facts.icuLocale ?? '')}`;
  return (
    `CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0 ENCODING ${literal(facts.encoding)}` +
    ` LC_COLLATE ${literal(facts.collate)} LC_CTYPE ${literal(facts.ctype)}${provider}`
  );
}
