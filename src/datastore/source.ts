import type { Readable } from 'node:stream';
import { fail } from '../kernel/errors.ts';
import { type CopyHeader, copyHeader } from './schema.ts';

/** Where a copy of the datastore comes from. */
export interface Source {
  /** Begins a copy. @throws `not-found` where there is no cluster, and what reaching it says */
  open(signal?: AbortSignal): Promise<OpenCopy>;
}

/** A copy on its way. */
export interface OpenCopy {
  readonly header: CopyHeader;
  readonly body: AsyncIterable<Buffer>;
  /** Resolves once its sender has ended well. */
  readonly done: Promise<void>;
}

/** A header is some hundred bytes. */
const longest = 65_536;

/**
 * Takes the line of JSON off the beginning of a stream; what follows is the copy.
 * @throws `copy-incomplete` when the stream does not begin with one
 */
export async function readHeader(stream: Readable): Promise<Omit<OpenCopy, 'done'>> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  let head = Buffer.alloc(0);
  let end = -1;
  while (end < 0) {
    const { value, done } = await chunks.next();
    if (done || head.length > longest) throw fail('copy-incomplete', 'the host sent no copy of the datastore');
    head = Buffer.concat([head, value]);
    end = head.indexOf('\n');
  }
  const header = parseHeader(head.subarray(0, end).toString());
  async function* body() {
    if (head.length > end + 1) yield head.subarray(end + 1);
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  return { header, body: body() };
}

function parseHeader(line: string): CopyHeader {
  try {
    return copyHeader.parse(JSON.parse(line));
  } catch (error) {
    throw fail('copy-incomplete', 'what the host sent is no copy of the datastore that is known here', {}, error);
  }
}
