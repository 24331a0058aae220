import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, SocleError } from '../kernel/errors.ts';
import { placeOf } from './refuse.ts';

/** The text of a document; undefined when there is none. @throws `secret-unreadable`, `secret-document-invalid` */
export async function readText(file: string): Promise<string | undefined> {
  const data = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw fail('secret-unreadable', `${file} could not be read (${error.code})`, { file });
  });
  if (!data) return undefined;
  const text = data.toString('utf8');
  const again = Buffer.from(text);
  if (again.equals(data)) return text;
  const { line, column } = placeOf(
    data
      .subarray(
        0,
        data.findIndex((byte, i) => byte !== again[i]),
      )
      .toString('utf8'),
  );
  throw fail('secret-document-invalid', `${file}, line ${line}, column ${column}: this is not UTF-8`, {
    file,
    line,
    column,
  });
}

/**
 * Replaces what `before` was, or nothing, by `text`: all of it or nothing, so that a full disk or a kill leaves the old
 * document. A link stays one, and mode and owner stay.
 * @throws `secret-document-changed` when somebody else wrote meanwhile
 */
export async function replaceText(file: string, before: string | undefined, text: string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const old = await stat(target).catch(() => undefined);
  const next = join(dirname(target), `.${basename(target)}.${randomBytes(4).toString('hex')}.next`);
  try {
    const handle = await open(next, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (old) {
      const made = await stat(next);
      if (made.uid !== old.uid || made.gid !== old.gid) await chown(next, old.uid, old.gid);
      await chmod(next, old.mode & 0o7777);
    }
    if ((await readText(target)) !== before) {
      throw fail('secret-document-changed', `${file} was changed by another program meanwhile; nothing was written`, {
        file,
      });
    }
    await rename(next, target);
  } catch (error) {
    await rm(next, { force: true });
    if (error instanceof SocleError) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    const why =
      syscall === 'chown' ? 'its owner could not be kept: run this as its owner, or as root' : `${syscall}: ${code}`;
    throw fail('secret-unwritable', `${file} could not be replaced (${why}); it is as it was`, { file });
  }
}
