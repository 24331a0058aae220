import type { Connection } from '../../host/connect.ts';
import type { Clock } from '../../kernel/clock.ts';
import { readBaseline } from './baseline.ts';
import {
  type Context,
  isRed,
  type Look,
  type Looks,
  type Outcome,
  type Side,
  type Verdict,
  verdicts,
} from './check.ts';
import { lookInside } from './host/collect.ts';
import { askLynis, type LynisReport } from './host/lynis.ts';
import type { OperatorFacts } from './operator.ts';
import { lookOutside } from './outside/probes.ts';
import { checks } from './registry.ts';

/** One line of the report. */
export interface CheckResult extends Outcome {
  readonly id: string;
  readonly title: string;
  readonly side: Side;
  readonly requirements: readonly string[];
}

export interface VerifyReport {
  readonly platform: string;
  readonly host: string;
  /** The way that the inside was looked at. */
  readonly way: 'public' | 'vpn';
  readonly startedAt: string;
  readonly seconds: number;
  /** Only the known ports were asked. */
  readonly quick: boolean;
  readonly compliant: boolean;
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly checks: readonly CheckResult[];
  /** A second opinion, where it was asked for: it makes nothing red. */
  readonly lynis: LynisReport | null;
}

export interface VerifyOptions {
  readonly quick: boolean;
  readonly clock: Clock;
  /** Ask lynis for a second opinion. */
  readonly lynis: boolean;
  /** What this machine knows of the recovery kit. */
  readonly kit: Look<OperatorFacts['kit']>;
}

/** Looks at the host from outside and from inside, and judges what was seen. Nothing is changed. */
export async function verify(
  connection: Connection,
  { quick, clock, kit, lynis }: VerifyOptions,
): Promise<VerifyReport> {
  const { platform, ways, way, progress } = connection;
  const started = clock.now();
  progress.step('looking at the host from inside');
  const inside = await lookInside(connection);
  const looked: Look<OperatorFacts['clock']> = { value: { from: started.getTime(), to: clock.now().getTime() } };
  const outside = await lookOutside(connection, { quick, inside });
  const looks = { ...inside, ...outside, kit, clock: looked };
  if (lynis) progress.step('asking lynis for a second opinion');
  const opinion = lynis ? await askLynis(connection) : null;
  const results = judgeAll(looks, { platform, baseline: await readBaseline(), now: clock.now() });
  return {
    platform: platform.name,
    host: ways.public.address,
    way: way.kind,
    startedAt: started.toISOString(),
    seconds: Math.round((clock.now().getTime() - started.getTime()) / 100) / 10,
    quick,
    compliant: !results.some(({ verdict }) => isRed(verdict)),
    counts: count(results),
    checks: results,
    lynis: opinion,
  };
}

const lookAgain = 'remove what keeps it from being seen, and run `socle verify` again: nobody knows whether it holds';

/** Every check over what was seen. */
export function judgeAll(looks: Looks, context: Context): CheckResult[] {
  return checks.map(({ id, title, side, requirements, next, judge }) => {
    const outcome = judge(looks, context);
    const advice: Partial<Record<Verdict, string>> = { fail: next, warn: next, unknown: lookAgain };
    const what = advice[outcome.verdict];
    return { id, title, side, requirements, ...(what === undefined ? {} : { next: what }), ...outcome };
  });
}

const count = (results: readonly CheckResult[]) =>
  Object.fromEntries(verdicts.map((one) => [one, results.filter(({ verdict }) => verdict === one).length])) as Record<
    Verdict,
    number
  >;
