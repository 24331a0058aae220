import { fail } from './errors.ts';
import { formatDuration } from './units.ts';

export interface Deadline {
  /** Milliseconds that the work may take in all, however its waits are spread. */
  readonly ms: number;
  /** What is done, for the message: `the mail to ops@example.org`. */
  readonly what: string;
  /** Ends the wait at once: the daemon stops. */
  readonly stop?: AbortSignal | undefined;
}

/**
 * Waits for `work` no longer than its deadline. The work is asked to end by its signal; when it does not heed it, it is
 * left behind: the caller goes on either way.
 * @throws `timeout`, `interrupted` when `stop` aborts, or what `work` throws
 */
export async function withDeadline<T>(
  { ms, what, stop }: Deadline,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const own = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let cut: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    const end = (error: Error) => {
      reject(error);
      own.abort(error);
    };
    timer = setTimeout(() => end(fail('timeout', `${what} did not end within ${formatDuration(ms)}`)), ms);
    cut = () => end(fail('interrupted', `${what} was interrupted`));
    stop?.addEventListener('abort', cut, { once: true });
    if (stop?.aborted) cut();
  });
  try {
    return await Promise.race([ended, (async () => work(own.signal))()]);
  } finally {
    clearTimeout(timer);
    if (cut) stop?.removeEventListener('abort', cut);
  }
}
