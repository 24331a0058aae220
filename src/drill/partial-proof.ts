import { rm } from 'node:fs/promises';
import type { DataRelation } from '../database/inventory-schema.ts';
import { compareStreams } from './proof/compare-data.ts';
import { blockKey } from './proof/data-summary.ts';
import { Differences } from './proof/differences.ts';
import { textDecoder } from './proof/encoding.ts';
import { compareExactly } from './proof/exact.ts';
import { databaseArgument, openDirectory } from './proof/programs.ts';
import type { ProofInput } from './proof/prove.ts';
import { readData } from './proof/read-data.ts';
import { pattern } from './proof/shares.ts';
import { together } from './proof/together.ts';
import type { RestoreSelection } from './restore-plan.ts';
import type { Proof } from './schema.ts';

/** The tables that a selection takes. */
export function selected(relations: readonly DataRelation[], { schema, table }: RestoreSelection): DataRelation[] {
  return relations.filter(
    (relation) =>
      (relation.kind === 'table' || relation.kind === 'partition') &&
      (schema === undefined || relation.schema === schema) &&
      (table === undefined || relation.table === table),
  );
}

/**
 * Compares the rows of the selected tables with the artifact's, as a whole proof does. Their definitions are not
 * compared one by one: a part of a database is not what was backed up.
 */
export async function provePart(input: ProofInput, selection: RestoreSelection): Promise<Proof> {
  const { manifest, archive, signal, showValues } = input;
  const { server, database } = input.restored;
  const relations = selected(manifest.inventory.relations, selection);
  const decode = textDecoder(manifest.inventory.server.encoding);
  const differences = new Differences();
  const directory = await openDirectory(input.workDirectory, 'proof-');
  try {
    const tables = relations.map((relation) => `--table=${pattern(relation)}`);
    const [artifact, copy] = await together(signal, (both) => {
      const from = { server, directory, signal: both };
      const archiveArgs = ['--data-only', '-f', '-', archive];
      const dumpArgs = ['--data-only', ...tables, '-d', databaseArgument(database)];
      return [
        readData({ ...from, program: 'pg_restore', args: archiveArgs, readable: [archive] }),
        readData({ ...from, program: 'pg_dump', args: dumpArgs }),
      ] as const;
    });
    const names = new Set(relations.map(blockKey));
    const chosen = { ...artifact, blocks: new Map([...artifact.blocks].filter(([key]) => names.has(decode(key)))) };
    const streams = compareStreams(
      { relations, objects: manifest.inventory.objects },
      { artifact: chosen, copy },
      decode,
      differences,
    );
    const exact = { server, directory, archive, database, blocks: artifact.blocks.size, showValues, decode, signal };
    const reordered = await compareExactly(exact, streams.suspects, differences);
    const same = (name: string) => streams.equal.has(name) || reordered.has(name);
    const counts = new Map(manifest.counts.map(({ name, rows }) => [name, rows]));
    return {
      level: differences.total === 0 ? 'identical-to-artifact' : 'restored',
      tables: relations.map(({ name }) => ({
        name,
        rows: counts.get(name) ?? 0,
        bytes: streams.bytes.get(name) ?? 0,
        ...(streams.absent.has(name)
          ? { method: 'none' as const, result: 'not compared' as const }
          : {
              method: streams.equal.has(name) ? ('stream' as const) : ('multiset' as const),
              result: same(name) ? ('identical' as const) : ('different' as const),
            }),
        source: null,
        generated: [],
      })),
      checks: [{ name: 'rows', count: relations.length, differences: differences.total }],
      respelled: [],
      differences: [...differences.kept],
      differencesTotal: differences.total,
      notes: ['only the rows of the tables named were compared: this is a part of the backup'],
      notCompared: [
        { what: 'definitions, rights and everything else but the rows', why: 'this is a part of the backup' },
        { what: 'generated columns', why: 'no dump holds them, a restore computes them again' },
      ],
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
