import { join } from 'node:path';
import { type Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fail } from '../kernel/errors.ts';
import { lastLines, start } from '../kernel/process.ts';
import type { PostgresTools } from './client-tools.ts';

/** What `pg_restore --list` says of an archive, by the OIDs of the server that it came from. */
export interface ArchiveContents {
  /** `catalogOid objectOid` of every entry that is an object, such as `1259 16390`. */
  readonly objects: ReadonlySet<string>;
  /** OIDs of relations whose rows are in the archive; for a materialized view, that it is to be refreshed. */
  readonly data: ReadonlySet<string>;
  /** Sequences whose value is in the archive, as `sequenceEntry` writes them: these entries carry no OID. */
  readonly sequences: ReadonlySet<string>;
  readonly largeObjects: boolean;
}

const dataEntries = /^(TABLE DATA|MATERIALIZED VIEW DATA) /;
const valueEntry = 'SEQUENCE SET ';

/** As pg_restore prints the entry: unquoted, and in one line. */
export const sequenceEntry = (schema: string, name: string, owner: string) =>
  `${schema} ${name} ${owner}`.replace(/[\n\r]/g, ' ');

/**
 * One line is `dumpId; catalogOid objectOid DESCRIPTION schema name owner`: only its beginning is read. Data has the
 * catalog 0, which tells it from a table in a schema called `DATA`.
 */
export function parseContents(listing: string): ArchiveContents {
  const { add, contents } = collector();
  for (const line of listing.split('\n')) add(line);
  return contents();
}

/** OID of pg_largeobject: its entries say no more than that there are some, and there may be hundreds of thousands. */
const largeObjectCatalog = '2613';

function collector() {
  const objects = new Set<string>();
  const data = new Set<string>();
  const sequences = new Set<string>();
  let largeObjects = false;
  const add = (line: string) => {
    const [, catalog, oid, rest = ''] = /^\d+; (\d+) (\d+) (.*)$/.exec(line) ?? [];
    if (catalog === undefined || oid === undefined) return;
    if (catalog === '0' && dataEntries.test(rest)) data.add(oid);
    else if (rest.startsWith(valueEntry)) sequences.add(rest.slice(valueEntry.length));
    else if (rest.startsWith('BLOBS')) largeObjects = true;
    else if (catalog !== largeObjectCatalog) objects.add(`${catalog} ${oid}`);
  };
  return { add, contents: (): ArchiveContents => ({ objects, data, sequences, largeObjects }) };
}

/** Reads the table of contents from the beginning of a stream; what comes after it is taken and dropped. */
export interface ContentsReader {
  readonly sink: Writable;
  /** @throws `read-back-differs` when it is not an archive that pg_restore can list */
  readonly contents: Promise<ArchiveContents>;
}

/**
 * Line by line: the whole text of a database with many large objects is tens of megabytes. Not by readline, which takes
 * U+2028 in a name for the end of a line.
 */
async function eachLine(stream: Readable, add: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const piece of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) add(line);
  }
  add(rest);
}

export function readContents(tools: PostgresTools, signal?: AbortSignal): ContentsReader {
  const child = start(join(tools.bin, 'pg_restore'), ['--list'], { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const stdin = child.stdin;
  let reading = stdin !== null;
  // pg_restore has read enough when it closes its input.
  stdin?.on('error', () => {
    reading = false;
  });
  const sink = new Writable({
    // Destroyed by whoever gives up: at its own end pg_restore is still to print what it has read.
    autoDestroy: false,
    write(chunk: Buffer, _encoding, callback) {
      if (!reading || !stdin) callback();
      else stdin.write(chunk, () => callback());
    },
    final(callback) {
      stdin?.end();
      callback();
    },
    destroy(error, callback) {
      child.kill();
      callback(error);
    },
  });
  sink.on('error', () => {});
  const contents = (async () => {
    const { add, contents } = collector();
    const [, printed, ended] = await Promise.all([
      child.stdout ? eachLine(child.stdout, add) : undefined,
      child.stderr ? text(child.stderr) : '',
      child.ended,
    ]);
    reading = false;
    if (ended.exitCode !== 0) {
      throw fail('read-back-differs', `pg_restore cannot list the archive: it ended with ${ended.exitCode}`, {
        output: lastLines(printed),
      });
    }
    return contents();
  })();
  contents.catch(() => {});
  return { sink, contents };
}
