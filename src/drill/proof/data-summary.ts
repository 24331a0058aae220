import { createHash, type Hash } from 'node:crypto';
import type { DumpParts } from './splitter.ts';
import { type CopyHeader, parseCall, parseCopyHeader } from './sql-text.ts';
import { StreamTag } from './stream-tag.ts';

/** The rows of one table as one program printed them. Names are `latin1`: one character per byte. */
export interface Block extends CopyHeader {
  /** Place among the COPY blocks of the text, from 0. */
  readonly ordinal: number;
  readonly header: string;
  readonly bytes: number;
  /** `StreamTag` of the rows. */
  readonly tag: string;
}

/** What a data-only dump holds, without its rows: memory does not grow with the data. */
export interface DataSummary {
  /** By `blockKey`. */
  readonly blocks: ReadonlyMap<string, Block>;
  /** Value and `is_called` by the sequence's qualified name. */
  readonly sequences: ReadonlyMap<string, string>;
  /** Length and SHA-256 of the content by OID. */
  readonly largeObjects: ReadonlyMap<string, string>;
  /** Every statement that is none of the above and that matters, sorted: nothing is dropped unseen. */
  readonly statements: readonly string[];
}

export function blockKey(name: { readonly schema: string; readonly table: string }): string {
  return JSON.stringify([name.schema, name.table]);
}

/** Settings, transactions and psql's guard: they carry no data. */
const noise =
  /^(SET [\s\S]*|SELECT pg_catalog\.set_config\('search_path', '', false\);|BEGIN;|COMMIT;|\\(un)?restrict [A-Za-z0-9]*)$/;
const lowrite = Buffer.from('SELECT pg_catalog.lowrite(0, ');

/** Collects a `DataSummary` from a `DumpSplitter`. */
export class DataCollector implements DumpParts {
  readonly #blocks = new Map<string, Block>();
  readonly #sequences = new Map<string, string>();
  readonly #largeObjects = new Map<string, string>();
  readonly #statements: string[] = [];
  #header = '';
  #bytes = 0;
  #rows = new StreamTag();
  #object: { oid: string; bytes: number; hash: Hash } | undefined;

  copyStart(header: Buffer): void {
    this.#header = header.toString('latin1');
    this.#bytes = 0;
    this.#rows = new StreamTag();
  }

  copyData(bytes: Buffer): void {
    this.#rows.update(bytes);
    this.#bytes += bytes.length;
  }

  copyEnd(): void {
    const parsed = parseCopyHeader(this.#header);
    const tag = this.#rows.digest();
    const ordinal = this.#blocks.size;
    if (!parsed) {
      this.#statements.push(`${this.#header} -- ${tag}`);
      return;
    }
    const key = freeKey(this.#blocks, blockKey(parsed));
    this.#blocks.set(key, { ...parsed, ordinal, header: this.#header, bytes: this.#bytes, tag });
  }

  statement(bytes: Buffer): void {
    if (this.#object && bytes.subarray(0, lowrite.length).equals(lowrite)) {
      const hex = bytes.subarray(bytes.indexOf('x', lowrite.length) + 1, bytes.lastIndexOf("'"));
      this.#object.hash.update(hex);
      this.#object.bytes += hex.length / 2;
      return;
    }
    const text = bytes.toString('latin1');
    if (noise.test(text)) return;
    const call = parseCall(text);
    if (call?.name === 'setval' && call.args.length === 3) {
      this.#sequences.set(call.args[0] as string, `${call.args[1]}, ${call.args[2]}`);
    } else if (call?.name === 'lo_open') {
      this.#object = { oid: call.args[0] as string, bytes: 0, hash: createHash('sha256') };
    } else if (call?.name === 'lo_close' && this.#object) {
      const { oid, bytes: size, hash } = this.#object;
      this.#largeObjects.set(oid, `${size} ${hash.digest('base64')}`);
      this.#object = undefined;
    } else {
      this.#statements.push(text);
    }
  }

  summary(): DataSummary {
    return {
      blocks: this.#blocks,
      sequences: this.#sequences,
      largeObjects: this.#largeObjects,
      statements: this.#statements.sort(),
    };
  }
}

/**
 * What several dumps of one database hold together. What two of them have is there twice, or with both values, unless it
 * is the same: it then differs from what one dump would say.
 */
export function merge(summaries: readonly DataSummary[]): DataSummary {
  const blocks = new Map<string, Block>();
  const sequences = new Map<string, string>();
  const largeObjects = new Map<string, string>();
  for (const summary of summaries) {
    for (const [key, block] of summary.blocks) blocks.set(freeKey(blocks, key), block);
    for (const [name, value] of summary.sequences) sequences.set(name, both(sequences.get(name), value));
    for (const [oid, content] of summary.largeObjects) largeObjects.set(oid, both(largeObjects.get(oid), content));
  }
  return { blocks, sequences, largeObjects, statements: summaries.flatMap(({ statements }) => statements).sort() };
}

const both = (known: string | undefined, value: string): string =>
  known === undefined || known === value ? value : `${known}; ${value}`;

function freeKey(blocks: ReadonlyMap<string, Block>, key: string): string {
  let free = key;
  while (blocks.has(free)) free += ' again';
  return free;
}
