import { open, readFile, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from './errors.ts';
import { start } from './process.ts';
import { replaceFile } from './replace-file.ts';

/** Seconds that an edit waits for another one. An edit takes milliseconds. */
const lockWait = 10;

/**
 * Edits a file that several commands may edit at once: one at a time. Nothing is written when the file changed
 * meanwhile, such as in an editor.
 * @param change given the text, returns the new one; what it throws leaves the file as it was
 * @throws `busy` when another command holds the lock for 10 s, or when the file changed meanwhile
 */
export async function editFile(file: string, change: (text: string) => string | Promise<string>): Promise<void> {
  const target = await realpath(file);
  await using _ = await lockDirectory(dirname(target), file);
  const before = await readFile(target, 'utf8');
  const after = await change(before);
  if ((await readFile(target, 'utf8')) !== before) {
    throw fail('busy', `${file} was changed by another program while it was edited; nothing was written`, { file });
  }
  await replaceFile(target, after);
}

/**
 * flock(1) locks the open directory, which we share with it, and the kernel unlocks it when we close it or end: no lock
 * file is left behind, and none that outlives a crash.
 */
async function lockDirectory(directory: string, file: string): Promise<AsyncDisposable> {
  const handle = await open(directory, 'r');
  try {
    const { ended } = start('flock', ['--exclusive', '--wait', String(lockWait), '3'], {
      stdio: ['ignore', 'ignore', 'ignore', handle.fd],
    });
    const { exitCode } = await ended;
    if (exitCode === 127) throw fail('tool-missing', 'flock is not installed', { tool: 'flock' });
    if (exitCode !== 0) {
      throw fail('busy', `another command has been editing files of ${directory} for ${lockWait} s`, { file });
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { [Symbol.asyncDispose]: () => handle.close() };
}
