import { createHash } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';

export interface Pumped {
  readonly bytes: number;
  /** SHA-256 of all bytes, hexadecimal. */
  readonly sha256: string;
}

/**
 * Moves everything from `source` to `sinks`, hashing on the way, without a copy and without ending any sink: whether
 * the stream was complete is known only once its writer has ended. Rejects as soon as one side fails.
 */
export function pump(
  source: Readable,
  sinks: readonly Writable[],
  onBytes: (bytes: number) => void = () => {},
): Promise<Pumped> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    let bytes = 0;
    const full = new Set<Writable>();
    const cleanup = sinks.map((sink) => {
      const drained = () => {
        full.delete(sink);
        if (full.size === 0) source.resume();
      };
      const failed = (error: Error) => settle(() => reject(error));
      const closed = () => failed(new Error('the receiver closed'));
      sink.on('drain', drained).on('error', failed).on('close', closed);
      return () => sink.off('drain', drained).off('error', failed).off('close', closed);
    });
    const settle = (report: () => void) => {
      for (const clean of cleanup) clean();
      source.off('data', take).off('end', ended).off('error', broke).off('close', gone);
      report();
    };
    const take = (chunk: Buffer) => {
      // The sinks first: they work while we hash.
      for (const sink of sinks) if (!sink.write(chunk)) full.add(sink);
      if (full.size > 0) source.pause();
      hash.update(chunk);
      bytes += chunk.length;
      onBytes(bytes);
    };
    const ended = () => settle(() => resolve({ bytes, sha256: hash.digest('hex') }));
    const broke = (error: Error) => settle(() => reject(error));
    const gone = () => broke(new Error('the sender closed before its end'));
    source.on('data', take).on('end', ended).on('error', broke).on('close', gone);
  });
}
