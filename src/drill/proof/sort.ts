import { closeSync, openSync } from 'node:fs';
import { fail } from '../../kernel/errors.ts';
import { lastLines, start } from '../../kernel/process.ts';

/** Where sorting happens, and how it is stopped. */
export interface SortPlace {
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sorts the lines of a file by their bytes, in bounded memory.
 * @param fields sort by these fields, separated by tabs and counted from 0; none means by the whole line
 */
export async function sortLines(
  input: string,
  output: string,
  place: SortPlace,
  fields: readonly number[] = [],
): Promise<void> {
  const by = fields.length > 0 ? ['-t', '\t', ...fields.flatMap((field) => ['-k', `${field + 1},${field + 1}`])] : [];
  const how = ['-S', '48M', '--parallel=1', '-T', place.directory];
  await intoFile(output, place.signal, ['nice', '-n', '10', 'sort', ...how, ...by, '--', input]);
}

/** Lines that `first` has and `second` has not, each as often as it has more of them. Both are sorted. */
export async function linesOnlyIn(first: string, second: string, output: string, signal?: AbortSignal): Promise<void> {
  await intoFile(output, signal, ['nice', '-n', '10', 'comm', '-23', '--', first, second]);
}

async function intoFile(output: string, signal: AbortSignal | undefined, command: readonly string[]): Promise<void> {
  signal?.throwIfAborted();
  const descriptor = openSync(output, 'w', 0o600);
  const [file = '', ...args] = command;
  let said = '';
  let exitCode: number;
  try {
    const child = start(file, args, { stdio: ['ignore', descriptor, 'pipe'], env: { LC_ALL: 'C' }, signal });
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000);
    });
    ({ exitCode } = await child.ended);
  } finally {
    closeSync(descriptor);
  }
  if (signal?.aborted) throw fail('interrupted', 'the proof was interrupted');
  if (exitCode !== 0) {
    throw fail('command-failed', `${args[2]} ended with ${exitCode} while rows were compared`, {
      exitCode,
      output: lastLines(said),
    });
  }
}
