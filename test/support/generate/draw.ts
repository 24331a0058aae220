import fc, { type GeneratorValue } from 'fast-check';
import pg from 'pg';

export const ident = pg.escapeIdentifier;
export const literal = pg.escapeLiteral;

const stems = [
  'orders',
  'Mixed Case',
  'qu"ote',
  "it's",
  'new\nline',
  'select',
  'naïve',
  '日本',
  'dot.ted',
  'semi;colon',
  'back\\slash',
  'tab\t',
  'dollar$1',
  '-- comment',
  '(paren, comma)',
  'DATA public x',
  ' leading',
  '%s',
];

/** How `quote_ident` would print it: unquoted where it needs no quotes. */
export function printed(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : ident(name);
}

/** Draws names and values; every name is used once in a schema. */
export class Draw {
  readonly #g: GeneratorValue;
  #names = 0;

  constructor(g: GeneratorValue) {
    this.#g = g;
  }

  /** A new name, with whatever needs quoting in it. */
  name(): string {
    this.#names += 1;
    return `${this.pick(stems)}_${this.#names}`;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#g(fc.nat, { max: items.length - 1 })] as T;
  }

  /** From 0 to `max`. */
  upTo(max: number): number {
    return this.#g(fc.nat, { max });
  }

  chance(): boolean {
    return this.#g(fc.boolean);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const indexes = items.map((_, index) => index);
    const order = this.#g(() => fc.shuffledSubarray(indexes, { minLength: indexes.length }));
    return order.map((index) => items[index] as T);
  }

  of<T>(arbitrary: fc.Arbitrary<T>): T {
    return this.#g(() => arbitrary);
  }
}
