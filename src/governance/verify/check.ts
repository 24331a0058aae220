import type { Platform } from '../../platform/schema.ts';
import type { Baseline } from './baseline.ts';
import type { Facts } from './facts.ts';

/**
 * What a check can end in. `unknown`: it could not look, which is as red as `fail`. `skip`: there is nothing to look at
 * here, such as a kernel that belongs to another machine. `warn` is for a person to see, and is not red. `to come`: it
 * happens by itself, the first time after the host was made, and its time is not over.
 */
export const verdicts = ['fail', 'unknown', 'warn', 'to come', 'skip', 'pass'] as const;
export type Verdict = (typeof verdicts)[number];

export const isRed = (verdict: Verdict) => verdict === 'fail' || verdict === 'unknown';

/** What a check found. `evidence` is one line; `next` replaces the advice of the check. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly evidence: string;
  readonly next?: string;
}

/** Something that was looked at: what was seen; why there is nothing to see; or why it could not be looked at. */
export type Look<T> = { readonly value: T } | { readonly nothing: string } | { readonly blind: string };

export type Looks = { readonly [K in keyof Facts]?: Look<Facts[K]> };

/** What facts are compared with. */
export interface Context {
  readonly platform: Platform;
  /** What the role `baseline` writes. */
  readonly baseline: Baseline;
  readonly now: Date;
}

/** From where it is seen: the operator's machine, or the host itself. */
export type Side = 'outside' | 'inside';

/** One line of what `socle verify` promises. */
export interface Check {
  /** Stable; points of the CIS benchmark are `cis-` and their number. */
  readonly id: string;
  /** What holds when it passes. */
  readonly title: string;
  /** Ids of docs/requirements.yaml that it proves, each in part. */
  readonly requirements: readonly string[];
  readonly side: Side;
  /** What to do when it does not hold. */
  readonly next: string;
  judge(looks: Looks, context: Context): Outcome;
}

interface Definition<K extends keyof Facts> extends Omit<Check, 'judge'> {
  /** The facts that it needs; without one of them it is `unknown`, or `skip` where there is nothing to see. */
  readonly looks: readonly K[];
  judge(facts: Pick<Facts, K>, context: Context): Outcome;
}

/** A check over facts: `judge` is pure, and is only asked when all of them were seen. */
export function check<const K extends keyof Facts>(definition: Definition<K>): Check {
  const { looks: needed, judge, ...rest } = definition;
  return {
    ...rest,
    judge(looks, context) {
      const facts: Partial<Facts> = {};
      const found = needed.map((key) => [key, looks[key] ?? { blind: `nobody looked at ${key}` }] as const);
      for (const [, look] of found) if ('blind' in look) return { verdict: 'unknown', evidence: look.blind };
      for (const [key, look] of found) {
        if ('nothing' in look) return skip(look.nothing);
        if ('value' in look) facts[key] = look.value;
      }
      return judge(facts as Pick<Facts, K>, context);
    },
  };
}

export const pass = (evidence: string): Outcome => ({ verdict: 'pass', evidence });
export const skip = (evidence: string): Outcome => ({ verdict: 'skip', evidence });
export const toCome = (evidence: string): Outcome => ({ verdict: 'to come', evidence });
export const warn = (evidence: string, next?: string): Outcome => outcome('warn', evidence, next);
export const fail = (evidence: string, next?: string): Outcome => outcome('fail', evidence, next);

const outcome = (verdict: Verdict, evidence: string, next: string | undefined): Outcome => ({
  verdict,
  evidence,
  ...(next === undefined ? {} : { next }),
});

/** `pass` when nothing is wrong, else `fail` with what is: the commonest way to judge. */
export const passUnless = (wrong: readonly string[], evidence: string): Outcome =>
  wrong.length === 0 ? pass(evidence) : fail(some(wrong));

/** The first few of a list, and how many more there are. */
export function some(items: readonly string[], most = 5): string {
  const more = items.length > most ? ` and ${items.length - most} more` : '';
  return `${items.slice(0, most).join('; ')}${more}`;
}
