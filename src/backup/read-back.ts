import type { Readable } from 'node:stream';
import { type ArchiveContents, readContents } from '../database/archive-contents.ts';
import type { PostgresTools } from '../database/client-tools.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { hashThrough, type Pumped } from './stream.ts';
import type { Finished, Vault } from './vault.ts';

export interface ReadBackContext {
  readonly vault: Vault;
  readonly tools: PostgresTools;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a dump back out of the vault, compares it with what pg_dump wrote, and lists what is in it. The first try takes no
 * lock; what fails then is read once more with one, which no prune gets past.
 * @throws `read-back-differs`
 */
export async function readBack(
  finished: Finished,
  written: Pumped,
  context: ReadBackContext,
): Promise<ArchiveContents> {
  const { vault, signal } = context;
  const { snapshot, path } = finished;
  try {
    return await compare(vault.readAtOnce(snapshot, path, signal), written, context);
  } catch (error) {
    if (signal?.aborted || (error instanceof SocleError && error.code === 'read-back-differs')) throw error;
    return compare(vault.read(snapshot, path, signal), written, context);
  }
}

async function compare(source: Readable, written: Pumped, context: ReadBackContext): Promise<ArchiveContents> {
  const { tools, progress, signal } = context;
  const reader = readContents(tools, signal);
  try {
    const read = await hashThrough(source, reader.sink, (bytes) => progress.update(bytes, written.bytes, 'bytes'));
    reader.sink.end();
    if (read.bytes !== written.bytes || read.sha256 !== written.sha256) {
      throw fail(
        'read-back-differs',
        `${written.bytes} bytes were written and ${read.bytes} came back, with another hash`,
        {
          written: { bytes: written.bytes, sha256: written.sha256 },
          read: { ...read },
        },
      );
    }
    return await reader.contents;
  } finally {
    reader.sink.destroy();
  }
}
