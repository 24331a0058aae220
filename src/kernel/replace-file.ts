import { randomBytes } from 'node:crypto';
import { chown, lstat, open, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface ReplaceOptions {
  /** Mode of a file that is not there yet, default 0600. One that is there keeps its mode, and for root its owner. */
  readonly mode?: number;
  /** Give a file that is there this `mode`, too. */
  readonly enforceMode?: boolean;
}

/**
 * Replaces a file's content in one step: a full disk or a crash leaves the previous content whole. The new content is
 * written beside it, flushed, and gets the name last. A symbolic link stays; its target is replaced. What is no regular
 * file (`/dev/stdout`, a FIFO) is written to.
 */
export async function replaceFile(
  file: string,
  text: string,
  { mode = 0o600, enforceMode = false }: ReplaceOptions = {},
): Promise<void> {
  const target = await realpath(file).catch(absentIsItself(file));
  const found = await lstat(target).catch(() => undefined);
  if (found && !found.isFile()) return writeFile(target, text);
  const next = join(dirname(target), `.${basename(target)}.${randomBytes(4).toString('hex')}.new`);
  try {
    const handle = await open(next, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.chmod(found && !enforceMode ? found.mode & 0o7777 : mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (found && process.getuid?.() === 0) await chown(next, found.uid, found.gid);
    await rename(next, target);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
  await flushDirectory(dirname(target));
}

const absentIsItself = (file: string) => (error: NodeJS.ErrnoException) => {
  if (error.code === 'ENOENT') return file;
  throw error;
};

/** Where the file system cannot (some network ones), the rename is as durable as it gets. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
