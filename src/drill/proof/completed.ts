import { fail } from '../../kernel/errors.ts';

/**
 * The result of work that came to its end. Only `complete` makes one, after the work has resolved and nobody had it
 * stopped, so that what takes a `Completed` cannot be handed what a failed program left behind.
 */
export class Completed<T> {
  readonly value: T;

  private constructor(value: T) {
    this.value = value;
  }

  /** @throws what the work throws; `interrupted` when the signal has aborted meanwhile */
  static async by<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<Completed<T>> {
    const value = await work();
    if (signal?.aborted) throw fail('interrupted', 'the comparison was interrupted');
    return new Completed(value);
  }

  /** A conclusion from completed work alone. */
  map<U>(conclude: (value: T) => U): Completed<U> {
    return new Completed(conclude(this.value));
  }
}
