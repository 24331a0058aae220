import { fail } from '../../kernel/errors.ts';

type Results<T extends readonly Promise<unknown>[]> = { [K in keyof T]: Awaited<T[K]> };

/**
 * Runs work side by side. When one part fails, the others are aborted and waited for, so that nothing runs on behind the
 * error, which is the first one.
 * @throws `interrupted` when the caller's signal has aborted, whatever that looked like to the parts
 */
export async function together<const T extends readonly Promise<unknown>[]>(
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => T,
): Promise<Results<T>> {
  const stop = new AbortController();
  const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
  const parts = work(signal);
  let failed = false;
  let first: unknown;
  const settled = await Promise.all(
    parts.map((part) =>
      part.catch((error: unknown) => {
        if (!failed) {
          failed = true;
          first = error;
          stop.abort();
        }
        return undefined;
      }),
    ),
  );
  if (failed) throw outer?.aborted ? fail('interrupted', 'the proof was interrupted', {}, first) : first;
  return settled as unknown as Results<T>;
}
