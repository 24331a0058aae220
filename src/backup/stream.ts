import { createHash } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import type { Pipe } from '../kernel/pipe.ts';

export interface Pumped {
  readonly bytes: number;
  /** SHA-256 of all bytes, hexadecimal. */
  readonly sha256: string;
}

/** Writes one chunk; resolves once its memory may be used again. */
function write(sink: Writable, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Moves everything from a child's pipe into `sink`, hashing on the way, without a copy and without ending the sink:
 * whether the stream was complete is known only once its writer has ended. Rejects as soon as one side fails.
 */
export async function pump(source: Pipe, sink: Writable, onBytes: (bytes: number) => void): Promise<Pumped> {
  const hash = createHash('sha256');
  let bytes = 0;
  await source.read((chunk) => {
    // The sink first: it works while we hash.
    const written = write(sink, chunk);
    hash.update(chunk);
    bytes += chunk.length;
    onBytes(bytes);
    return written;
  });
  return { bytes, sha256: hash.digest('hex') };
}

/** Reads to the end, hashing, and shows every chunk to `sink` as well. */
export async function hashThrough(source: Readable, sink: Writable, onBytes: (bytes: number) => void): Promise<Pumped> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    const written = write(sink, chunk);
    hash.update(chunk);
    bytes += chunk.length;
    onBytes(bytes);
    await written;
  }
  return { bytes, sha256: hash.digest('hex') };
}
