import { rm } from 'node:fs/promises';
import type pg from 'pg';
import type { Manifest } from '../../backup/schema.ts';
import { takeInventory } from '../../database/inventory.ts';
import type { Inventory } from '../../database/inventory-schema.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import type { Progress } from '../../kernel/progress.ts';
import type { Proof } from '../schema.ts';
import { countCopy } from './compare-counts.ts';
import { compareLargeObjects, compareSequences, compareStatements, compareStreams } from './compare-data.ts';
import { compareFingerprints } from './compare-fingerprints.ts';
import { compareSchema } from './compare-schema.ts';
import { Completed } from './completed.ts';
import { conclude } from './conclude.ts';
import { inCopy } from './copy-session.ts';
import { Differences } from './differences.ts';
import { textDecoder } from './encoding.ts';
import { compareExactly } from './exact.ts';
import { openDirectory } from './programs.ts';
import { readCopy } from './read-copy.ts';
import { readData } from './read-data.ts';
import { archivedPieces, dumpedPieces, rebuildSchema } from './rebuild.ts';
import { viewContents } from './refresh-again.ts';
import { together } from './together.ts';

export interface ProofInput {
  readonly manifest: Manifest;
  /** The file that `pg_dump -Fc` made. */
  readonly archive: string;
  readonly restored: { readonly server: RestoredServer; readonly database: string };
  /** A server where a second, empty database may be made; it may be the same one. */
  readonly reference: RestoredServer;
  /** Room for tables whose rows come in another order: twice the largest of them. */
  readonly workDirectory: string;
  /** How many sessions read the rows of the copy at once; at least 1. */
  readonly jobs: number;
  /** Values of rows may stand in the proof. */
  readonly showValues: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares a restored database with its backup, point by point: rows, sequences and large objects with the artifact,
 * every object of the schema and every count with the inventory that the source's own catalog gave, and after a deep
 * backup every table with the hash that the source computed. Changes nothing in the restored database. Memory does not
 * depend on the amount of data.
 * @throws when a program fails or the server cannot be read; that says nothing about the backup
 */
export async function prove(input: ProofInput): Promise<Proof> {
  const directory = await openDirectory(input.workDirectory, 'proof-');
  try {
    return await proveIn(input, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function proveIn(input: ProofInput, directory: string): Promise<Proof> {
  const { manifest, archive, progress, showValues } = input;
  const { server, database } = input.restored;
  const { relations } = manifest.inventory;
  const decode = textDecoder(manifest.inventory.server.encoding);
  const differences = new Differences();

  progress.step('comparing rows, sequences and large objects with the artifact');
  let bytes = 0;
  const onBytes = (more: number) => {
    bytes += more;
    progress.update(bytes, 2 * manifest.dump.bytes, 'bytes');
  };
  const [artifact, dump, { copy, counts, passwords }, archived, dumped] = await together(input.signal, (signal) => {
    const from = { server, signal };
    const archiveArgs = ['--data-only', '-f', '-', archive];
    return [
      readData({ ...from, program: 'pg_restore', args: archiveArgs, readable: [archive] }, onBytes),
      readCopy(from, database, relations, input.jobs, onBytes),
      catalogAndCounts(input, signal),
      archivedPieces(from, archive),
      dumpedPieces(from, database),
    ] as const;
  });
  const sides = { artifact, copy: dump };
  const streams = compareStreams(manifest.inventory, sides, decode, differences);
  compareSequences(relations, sides, decode, differences);
  compareLargeObjects(sides, differences);

  if (streams.suspects.length > 0) progress.step(`comparing ${streams.suspects.length} tables row by row`);
  const reordered = await compareExactly(
    { server, directory, archive, database, blocks: artifact.blocks.size, showValues, decode, signal: input.signal },
    streams.suspects,
    differences,
  );

  progress.step('comparing the schema with the inventory of the source');
  const rebuild = () =>
    Completed.by(input.signal, () =>
      rebuildSchema({
        reference: input.reference,
        archive,
        facts: manifest.inventory.server,
        signal: input.signal,
      }),
    );
  const schema = await compareSchema(
    {
      source: passwords ? manifest.inventory : withoutPasswords(manifest.inventory),
      copy,
      archived,
      dumped,
      showValues,
      rebuild,
    },
    differences,
  );
  compareStatements(sides, decode, differences);

  if (manifest.fingerprints) progress.step('comparing every table with the hash of the source');
  const fingerprints =
    manifest.fingerprints &&
    (await compareFingerprints(
      input.restored,
      { relations, groups: streams.groups },
      copy,
      manifest.fingerprints,
      input.signal,
    ));
  const other = relations.filter(
    ({ kind, name }) => kind === 'materialized view' && fingerprints?.hashes.get(name) === 'different',
  );
  const here = new Set(copy.relations.map(({ name }) => name));
  const views = await viewContents(
    input.restored,
    other.filter(({ name }) => here.has(name)),
    input.signal,
  );
  const found = { streams, reordered, counts, schema, fingerprints, views, passwords, differences };
  return conclude({ manifest, ...found, pieces: dumped.length });
}

async function catalogAndCounts({ manifest, restored: { server, database } }: ProofInput, signal: AbortSignal) {
  const { relations, objects } = manifest.inventory;
  const kept = manifest.roles.passwords && objects.some(({ properties }) => 'password' in properties);
  const { copy, passwords } = await inCopy(
    server,
    database,
    async (client) => {
      const readable = kept && (await mayReadPasswords(client));
      return { copy: await takeInventory(client, { passwords: readable }), passwords: readable };
    },
    signal,
  );
  return { copy, passwords, counts: await countCopy(server, database, relations, copy, signal) };
}

async function mayReadPasswords(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may`,
  );
  return rows[0]?.may ?? false;
}

function withoutPasswords(inventory: Inventory): Inventory {
  const objects = inventory.objects.map(({ properties: { password: _, ...properties }, ...object }) => ({
    ...object,
    properties,
  }));
  return { ...inventory, objects };
}
