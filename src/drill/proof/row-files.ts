import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** Identity of a line of a file of rows. */
export interface LineIdentity {
  /** Bytes, without the newline. */
  readonly length: number;
  readonly hash: string;
}

/** One row of COPY's text format, small whatever the values are. Text is `latin1`: one character per byte. */
export interface Row extends LineIdentity {
  /** As COPY writes them; a long one is its beginning, its length and its SHA-256. */
  readonly fields: readonly string[];
}

const tab = 0x09;
const newline = 0x0a;
/** Longest field kept as it is, bytes: more than an index entry, so that keys keep their order. */
const longest = 3_000;

/** Bytes read at once, into one buffer again and again. */
const portion = 256 * 1024;

/** Reads rows one by one. For rows that differ: there are few of them, or the result is not in doubt. */
export async function* readRows(file: string): AsyncGenerator<Row> {
  let fields: string[] = [];
  let field = new Field();
  let line = createHash('sha256');
  let length = 0;
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(portion);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, portion);
      if (bytesRead === 0) return;
      const chunk = buffer.subarray(0, bytesRead);
      for (let at = 0; at < bytesRead; ) {
        const end = firstOf(chunk, at);
        const piece = chunk.subarray(at, end);
        field.add(piece);
        line.update(piece);
        length += piece.length;
        at = end + 1;
        if (end === bytesRead) continue;
        fields.push(field.text());
        field = new Field();
        if (chunk[end] === tab) {
          line.update('\t');
          length += 1;
          continue;
        }
        yield { fields, length, hash: line.digest('base64') };
        fields = [];
        line = createHash('sha256');
        length = 0;
      }
    }
  } finally {
    await handle.close();
  }
}

/** Where the next field or row ends in the chunk, or the chunk itself. */
function firstOf(chunk: Buffer, from: number): number {
  const near = Math.min(chunk.length, from + 512);
  let at = from;
  while (at < near && chunk[at] !== tab && chunk[at] !== newline) at += 1;
  if (at < near || at === chunk.length) return at;
  const ends = [chunk.indexOf(tab, at), chunk.indexOf(newline, at)].filter((end) => end !== -1);
  return Math.min(chunk.length, ...ends);
}

class Field {
  #text = '';
  #bytes = 0;
  #hash: Hash | undefined;

  add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#hash) this.#hash.update(piece);
    else if (this.#bytes <= longest) this.#text += piece.toString('latin1');
    else {
      this.#hash = createHash('sha256').update(this.#text, 'latin1').update(piece);
      this.#text = (this.#text + piece.subarray(0, 64).toString('latin1')).slice(0, 64);
    }
  }

  text(): string {
    return this.#hash ? `${this.#text}… ${this.#bytes} bytes, SHA-256 ${this.#hash.digest('hex')}` : this.#text;
  }
}

/**
 * Line numbers, from 1, of these lines in a file of any size, as many per line as it has. Only lines of a wanted length
 * are hashed.
 */
export function placesOf(file: string, wanted: readonly LineIdentity[]): Map<string, number[]> {
  const lengths = new Set(wanted.map(({ length }) => length));
  const hashes = new Set(wanted.map(({ hash }) => hash));
  const places = new Map<string, number[]>();
  if (wanted.length === 0) return places;
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
    let offset = 0;
    let start = 0;
    let number = 0;
    for (;;) {
      const size = readSync(descriptor, buffer, 0, buffer.length, offset);
      if (size === 0) return places;
      const chunk = buffer.subarray(0, size);
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) {
        number += 1;
        const length = offset + at - start;
        if (lengths.has(length)) {
          const hash = hashOf(descriptor, start, length);
          if (hashes.has(hash)) places.set(hash, [...(places.get(hash) ?? []), number]);
        }
        start = offset + at + 1;
      }
      offset += size;
    }
  } finally {
    closeSync(descriptor);
  }
}

function hashOf(descriptor: number, start: number, length: number): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(length, 256 * 1024));
  for (let done = 0; done < length; ) {
    const size = readSync(descriptor, buffer, 0, Math.min(buffer.length, length - done), start + done);
    hash.update(buffer.subarray(0, size));
    done += size;
  }
  return hash.digest('base64');
}
