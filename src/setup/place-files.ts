import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';

export interface NewFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string | Secret;
  readonly mode: number;
}

/**
 * All of the files or none: each is written beside its place and flushed, then they are put in place in their order.
 * When one is there already, or the work is interrupted, what was made is taken away again, directories too.
 * @throws `already-there`
 */
export async function placeFiles(files: readonly NewFile[], signal?: AbortSignal): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const suffix = `${randomBytes(4).toString('hex')}.part`;
  const staged = files.map((file) => ({
    ...file,
    part: join(dirname(file.path), `.${basename(file.path)}.${suffix}`),
  }));
  try {
    for (const { path, part, text, mode } of staged) {
      for (const directory of missing(dirname(path))) {
        await mkdir(directory, { mode: 0o700 });
        undo.push(() => rmdir(directory));
      }
      undo.push(() => rm(part, { force: true }));
      await write(part, text, mode);
    }
    for (const { path, part } of staged) {
      signal?.throwIfAborted();
      await link(part, path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
        throw fail('already-there', `${path} is there already`, { file: path });
      });
      undo.push(() => rm(path));
    }
  } catch (error) {
    // What cannot be taken away is no reason to leave the rest, or to hide why it failed.
    for (const step of undo.reverse()) await step().catch(() => {});
    throw error;
  }
  for (const { part } of staged) await rm(part, { force: true });
}

async function write(file: string, text: string | Secret, mode: number): Promise<void> {
  const handle = await open(file, 'wx', mode);
  try {
    await handle.writeFile(text instanceof Secret ? text.reveal() : text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The directories that have to be made first, outermost first. */
function missing(directory: string): string[] {
  return existsSync(directory) ? [] : [...missing(dirname(directory)), directory];
}
