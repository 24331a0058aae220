/** One endpoint of the daemon, and what it answered. */
export interface Answer {
  readonly url: string;
  /** What it is for, in a few words. */
  readonly about: string;
  /** HTTP status; null when there was no answer. */
  readonly status: number | null;
}

const endpoints: readonly (readonly [path: string, about: string])[] = [
  ['/v1/health', 'is everything well?'],
  ['/v1/components', 'each critical part, with the age of its last probe'],
  ['/v1/backups', 'the backups, newest first'],
  ['/v1/drills/latest', 'the last drill, with its whole proof'],
  ['/metrics', 'for Prometheus'],
];

/** Asks every endpoint that a newcomer may want to try. */
export async function ask(base: string, signal: AbortSignal): Promise<Answer[]> {
  return Promise.all(
    endpoints.map(async ([path, about]) => {
      const url = base + path;
      try {
        const response = await fetch(url, { signal });
        await response.body?.cancel();
        return { url, about, status: response.status };
      } catch {
        signal.throwIfAborted();
        return { url, about, status: null };
      }
    }),
  );
}
