import type { ExitCode } from '../kernel/errors.ts';
import type { Specs, Values } from './options.ts';
import type { Session } from './session.ts';

/** What a verb answers: one document for programs, one text for people. */
export interface Answer {
  /** Printed by `--json`. */
  readonly data: unknown;
  /** Printed otherwise; a function is called only then. */
  readonly text: string | (() => string);
  /** Default 0. */
  readonly exit?: ExitCode;
  /** The verb has shown it already, since it went on working afterwards. */
  readonly shown?: boolean;
}

/** A verb that parses, calls one function, prints. Its name and summary stand in the table of contents. */
export interface Verb<S extends Specs = Specs> {
  readonly options: S;
  /** Whole command lines. */
  readonly examples: readonly string[];
  /** More than the summary, where a person needs it. */
  readonly about?: string;
  run(values: Values<S>, session: Session): Promise<Answer>;
}

/** Gives a verb its types. */
export const verb = <const S extends Specs>(definition: Verb<S>): Verb<S> => definition;
