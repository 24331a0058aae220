import type { Difference } from '../schema.ts';

/** How many differences a report names; all are counted. */
export const named = 200;

type Named = Pick<Difference, 'kind' | 'object' | 'problem'> & Partial<Difference>;

/** Keeps the first differences and counts all of them, by kind. */
export class Differences {
  readonly #kept: Difference[] = [];
  readonly #counts = new Map<string, number>();
  #total = 0;

  add(difference: Named): void {
    if (this.#kept.length < named) {
      this.#kept.push({ property: null, row: null, column: null, expected: null, found: null, ...difference });
    }
    this.count(difference.kind);
  }

  /** Counts differences of a kind that are not named one by one. */
  count(kind: string, number = 1): void {
    this.#total += number;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + number);
  }

  /** How many more can be named. */
  get room(): number {
    return named - this.#kept.length;
  }

  get total(): number {
    return this.#total;
  }

  get kept(): readonly Difference[] {
    return this.#kept;
  }

  kinds(): string[] {
    return [...this.#counts.keys()];
  }

  of(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }
}
