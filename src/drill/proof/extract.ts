import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { RestoredServer } from '../../database/restored-server.ts';
import { fail } from '../../kernel/errors.ts';
import { writeSharedFile } from '../../kernel/shared-files.ts';
import type { Block } from './data-summary.ts';
import { databaseArgument, programText, programToFile, readProgram } from './programs.ts';
import { FieldOrder } from './reorder.ts';
import { DumpSplitter } from './splitter.ts';

export interface ExtractFrom {
  readonly server: RestoredServer;
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
}

/** Closes the rows of a block; not a row. */
const terminatorBytes = 3;

/**
 * Writes the rows of these tables from the archive into one file each, in the artifact's order. pg_restore finds them
 * itself, by a list made of its own table of contents.
 * @param tables the blocks of each: more than one where partitions are loaded through their root
 * @param total how many blocks the archive printed in all
 * @param fileOf where the rows of a table go, by its place in `tables`; columns in the order of its first block
 */
export async function rowsOfArchive(
  from: ExtractFrom & { readonly archive: string },
  tables: readonly (readonly Block[])[],
  total: number,
  fileOf: (index: number) => string,
): Promise<void> {
  const blocks = tables.flat();
  const list = join(from.directory, 'tables.list');
  writeSharedFile(list, await restoreList(from, blocks, total));
  const indexOf = new Map(tables.flatMap((table, index) => table.map(({ header }) => [header, index] as const)));
  const written = tables.map(() => 0);
  let current = 0;
  let order: FieldOrder | undefined;
  let descriptor: number | undefined;
  let seen = 0;
  const splitter = new DumpSplitter({
    copyStart(header) {
      const index = indexOf.get(header.toString('latin1'));
      if (index === undefined) throw fail('internal', 'pg_restore printed another table than the one asked for');
      descriptor = openSync(fileOf(index), written[index] === 0 ? 'w' : 'a', 0o600);
      current = index;
      const columns = tables[index]?.[0]?.columns ?? [];
      const own = tables[index]?.find((block) => block.header === header.toString('latin1'))?.columns ?? [];
      order = own.join('\n') === columns.join('\n') ? undefined : new FieldOrder(own, columns);
      seen += 1;
    },
    copyData(chunk) {
      if (descriptor === undefined) return;
      const bytes = order ? order.write(chunk) : chunk;
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
      written[current] = (written[current] ?? 0) + bytes.length;
    },
    copyEnd() {
      if (descriptor === undefined) return;
      written[current] = (written[current] ?? 0) - terminatorBytes;
      ftruncateSync(descriptor, written[current]);
      closeSync(descriptor);
      descriptor = undefined;
    },
    statement() {},
  });
  try {
    const args = ['--data-only', '-L', list, '-f', '-', from.archive];
    await readProgram({ ...from, program: 'pg_restore', args, readable: [from.archive, list] }, (chunk) =>
      splitter.write(chunk),
    );
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  if (seen !== blocks.length || !splitter.end()) {
    throw fail('internal', `pg_restore printed ${seen} of the ${blocks.length} tables asked for`);
  }
}

/**
 * The entries of these blocks: pg_restore prints tables in the order of its table of contents. Data has the catalog 0,
 * which tells it from a table in a schema called `DATA`.
 */
async function restoreList(
  from: ExtractFrom & { readonly archive: string },
  blocks: readonly Block[],
  total: number,
): Promise<string> {
  const contents = await programText({
    ...from,
    program: 'pg_restore',
    args: ['-l', from.archive],
    readable: [from.archive],
  });
  const entries = contents
    .toString('latin1')
    .split('\n')
    .filter((line) => /^\d+; 0 \d+ TABLE DATA /.test(line));
  if (entries.length !== total) {
    throw fail('internal', `the archive lists ${entries.length} tables with data and printed ${total}`);
  }
  return blocks.map(({ ordinal }) => `${/^\d+/.exec(entries[ordinal] ?? '')?.[0]};\n`).join('');
}

/**
 * Writes the rows of one table of the restored copy into a file, columns in the order of the artifact's block. The
 * statement goes in the database's own encoding, as names came in the dump, and runs with the settings of pg_dump.
 * @param condition the `WHERE …` of an extension's configuration table, which is what pg_dump dumps of it; or of those
 *   partitions of a root that are loaded through it
 */
export async function rowsOfCopy(
  from: ExtractFrom & { readonly database: string },
  block: Pick<Block, 'schema' | 'table' | 'columns'> & { readonly partitioned?: boolean },
  condition: string | null,
  file: string,
): Promise<void> {
  const table = `${quoted(block.schema)}.${quoted(block.table)}`;
  const columns = block.columns.map(quoted).join(', ');
  const list = columns === '' ? '' : ` (${columns})`;
  const what = condition
    ? `(SELECT ${columns} FROM ${block.partitioned ? '' : 'ONLY '}${table} ${condition})`
    : `${table}${list}`;
  const script = join(from.directory, 'rows.sql');
  writeSharedFile(
    script,
    Buffer.from(
      [
        "SET datestyle = 'ISO';",
        "SET intervalstyle = 'postgres';",
        'SET extra_float_digits = 3;',
        'SET row_security = off;',
        "SET search_path = '';",
        `COPY ${what} TO STDOUT;`,
      ].join('\n'),
      'latin1',
    ),
  );
  const descriptor = openSync(file, 'w', 0o600);
  try {
    const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', databaseArgument(from.database), '-f', script];
    await programToFile({ ...from, program: 'psql', args, readable: [script] }, descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
