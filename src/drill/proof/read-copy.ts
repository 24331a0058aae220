import type { DataRelation } from '../../database/inventory-schema.ts';
import { inCopy } from './copy-session.ts';
import { type DataSummary, merge } from './data-summary.ts';
import { databaseArgument, type Reading } from './programs.ts';
import { readData } from './read-data.ts';
import { shareOut, sizedTables } from './shares.ts';
import { together } from './together.ts';

/**
 * Reads the data of the restored copy as pg_dump prints it, large tables in several sessions at once: one session of the
 * server keeps one processor busy.
 */
export async function readCopy(
  from: Pick<Reading, 'server' | 'signal'>,
  database: string,
  relations: readonly DataRelation[],
  sessions: number,
  onBytes: (bytes: number) => void,
): Promise<DataSummary> {
  const tables = await inCopy(from.server, database, sizedTables, from.signal);
  const shares = shareOut(tables, relations, sessions);
  const summaries = await together(from.signal, (signal) =>
    shares.map((share) => {
      const args = ['--data-only', ...share, '-d', databaseArgument(database)];
      return readData({ server: from.server, signal, program: 'pg_dump', args }, onBytes);
    }),
  );
  return merge(summaries);
}
