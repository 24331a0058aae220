import { type ArchiveContents, readContents } from '../database/archive-contents.ts';
import type { PostgresTools } from '../database/client-tools.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { hashThrough, type Pumped } from './stream.ts';
import type { Stored, Vault } from './vault.ts';

export interface ReadBackContext {
  readonly vault: Vault;
  readonly tools: PostgresTools;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a dump back out of the vault, compares it with what pg_dump wrote, and lists what is in it.
 * @throws `read-back-differs`
 */
export async function readBack(stored: Stored, written: Pumped, context: ReadBackContext): Promise<ArchiveContents> {
  const { vault, tools, progress, signal } = context;
  const path = stored.paths[0];
  if (path === undefined) throw fail('read-back-differs', `snapshot ${stored.snapshot} holds no file`);
  const reader = readContents(tools, signal);
  try {
    const read = await hashThrough(vault.read(stored.snapshot, path, signal), reader.sink, (bytes) =>
      progress.update(bytes, written.bytes, 'bytes'),
    );
    reader.sink.end();
    if (read.bytes !== written.bytes || read.sha256 !== written.sha256) {
      throw fail(
        'read-back-differs',
        `${written.bytes} bytes were written and ${read.bytes} came back, with another hash`,
        {
          written: { ...written },
          read: { ...read },
        },
      );
    }
    return await reader.contents;
  } finally {
    reader.sink.destroy();
  }
}
