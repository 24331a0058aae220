import { type Command, InvalidArgumentError } from 'commander';

/** One option or argument of a verb: how it is written, what it means, and the type that it gives. */
export interface Spec<T> {
  /** As commander writes them: `--database <name>`; an argument is `<name>` or `[name]`. */
  readonly flags: string;
  readonly description: string;
  readonly parse?: (text: string) => T;
  readonly fallback?: T;
  /** An option that has to be given; arguments say it with `<name>`. */
  readonly mandatory?: boolean;
}

export type Specs = Readonly<Record<string, Spec<unknown>>>;

/** The values that a set of specs gives. */
export type Values<S extends Specs> = { readonly [K in keyof S]: S[K] extends Spec<infer T> ? T : never };

export const flag = (flags: string, description: string): Spec<boolean> => ({ flags, description, fallback: false });

export const text = (flags: string, description: string): Spec<string | undefined> => ({ flags, description });

export const required = (flags: string, description: string): Spec<string> => ({ flags, description, mandatory: true });

/** May be given several times. */
export const list = (flags: string, description: string): Spec<readonly string[]> => ({
  flags: flags.replace(/>$/, '...>'),
  description,
  fallback: [],
});

const wholeNumber = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
};

export const wholeOrNone = (flags: string, description: string): Spec<number | undefined> => ({
  flags,
  description,
  parse: wholeNumber,
});

export const whole = (flags: string, description: string, fallback: number): Spec<number> => ({
  flags,
  description,
  fallback,
  parse: wholeNumber,
});

/** Tells commander about the options, in the order of the specs. */
export function declare(command: Command, specs: Specs): void {
  for (const spec of Object.values(specs)) {
    const { flags, description, parse, mandatory } = spec;
    const fallback = shownDefault(spec);
    // A parser would replace the words before by the last one.
    if (flags.endsWith('...]')) command.argument(flags, description, fallback);
    else if (!flags.startsWith('-'))
      command.argument(flags, description, parse ?? ((value: string) => value), fallback);
    else if (mandatory) command.requiredOption(flags, description);
    else if (parse) command.option(flags, description, parse, fallback);
    else command.option(flags, description);
  }
}

/** What the help adds as the default: not what the description says better, and nothing for nothing. */
function shownDefault({ description, fallback }: Spec<unknown>): unknown {
  const nothing = fallback === '' || typeof fallback === 'boolean' || Array.isArray(fallback);
  return nothing || description.includes('(default') ? undefined : fallback;
}

/** What commander read, by the names of the specs. */
export function valuesOf<S extends Specs>(command: Command, specs: S): Values<S> {
  const options: Record<string, unknown> = command.opts();
  const values: Record<string, unknown> = {};
  let position = 0;
  for (const [name, spec] of Object.entries(specs)) {
    if (spec.flags.startsWith('-')) values[name] = options[attribute(spec.flags)] ?? spec.fallback;
    else {
      values[name] = command.processedArgs[position] ?? spec.fallback;
      position += 1;
    }
  }
  return values as Values<S>;
}

/** `--show-values` is `showValues`, as commander names it. */
function attribute(flags: string): string {
  const long = /--([a-z][a-z-]*)/.exec(flags)?.[1] ?? '';
  return long.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
