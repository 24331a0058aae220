import { rm } from 'node:fs/promises';
import type { Manifest } from '../../backup/schema.ts';
import { takeInventory } from '../../database/inventory.ts';
import type { RestoredServer } from '../../database/restored-server.ts';
import type { Progress } from '../../kernel/progress.ts';
import type { Proof } from '../schema.ts';
import { compareFingerprints, countCopy } from './compare-counts.ts';
import { compareLargeObjects, compareSequences, compareStatements, compareStreams } from './compare-data.ts';
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
  const [artifact, dump, { copy, counts }, archived, dumped] = await together(input.signal, (signal) => {
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
  const streams = compareStreams(relations, sides, decode, differences);
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
  const sourceInventory = manifest.inventory;
  const schema = await compareSchema(
    { source: sourceInventory, copy, archived, dumped, showValues, rebuild },
    differences,
  );
  compareStatements(sides, decode, differences);

  if (manifest.fingerprints) progress.step('comparing every table with the hash of the source');
  const fingerprints =
    manifest.fingerprints &&
    (await compareFingerprints(input.restored, relations, copy, manifest.fingerprints, input.signal));
  return conclude({ manifest, streams, reordered, counts, schema, fingerprints, pieces: dumped.length, differences });
}

async function catalogAndCounts({ manifest, restored: { server, database } }: ProofInput, signal: AbortSignal) {
  const copy = await inCopy(server, database, takeInventory, signal);
  return { copy, counts: await countCopy(server, database, manifest.inventory.relations, copy, signal) };
}
