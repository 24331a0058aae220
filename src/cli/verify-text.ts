import type { Verdict } from '../governance/verify/check.ts';
import type { CheckResult, VerifyReport } from '../governance/verify/verify.ts';
import { formatDuration } from '../kernel/units.ts';
import { bad, faint, good, strong, warn } from './paint.ts';
import { table } from './table.ts';

const paint: Readonly<Record<Verdict, (text: string) => string>> = {
  pass: good,
  warn,
  fail: bad,
  unknown: bad,
  'to come': faint,
  skip: faint,
};

const titles = { outside: 'From outside', inside: 'From inside' } as const;

/** The report as a person reads it: every check, then what to do about those that do not hold. */
export function verifyAsText(report: VerifyReport): string {
  const { platform, host, checks, quick, seconds } = report;
  const scope = quick ? warn('known ports only (--quick)') : 'all ports';
  const head = `${strong(platform)} (${host})  ${summary(report)}  ${faint(formatDuration(seconds * 1_000))}  ${scope}`;
  const parts = (['outside', 'inside'] as const).map((side) => {
    const rows = checks.filter((one) => one.side === side).map(row);
    return `${strong(titles[side])}\n${table(['', 'check', 'proves', 'evidence'], rows)}`;
  });
  const advice = Map.groupBy(
    checks.filter(({ next }) => next !== undefined),
    ({ verdict, next }) => `${verdict}\n${next}`,
  );
  const told = [...advice.values()].map((alike) => {
    const { verdict, next } = alike[0] as CheckResult;
    const ids = alike.map(({ id }) => id).join(', ');
    return `${paint[verdict](verdict)}  ${ids}\n      ${next}`;
  });
  const rest = told.length === 0 ? [] : [`${strong('What to do')}\n${told.join('\n')}`];
  return [head, ...parts, ...opinion(report), ...rest].join('\n\n');
}

const row = ({ verdict, id, requirements, evidence }: CheckResult) => [
  paint[verdict](verdict),
  id,
  requirements.join(' '),
  evidence,
];

function summary({ compliant, counts }: VerifyReport): string {
  const shown = Object.entries(counts).filter(([, number]) => number > 0);
  const text = shown.map(([verdict, number]) => `${number} ${verdict}`).join(', ');
  return compliant ? good(text) : bad(text);
}

function opinion({ lynis }: VerifyReport): string[] {
  if (lynis === null) return [];
  const { version, hardeningIndex, warnings, suggestions } = lynis;
  const head = `lynis ${version}: hardening index ${hardeningIndex} of 100, ${suggestions} suggestions`;
  return [[`${strong('A second opinion')}`, head, ...warnings.map((text) => `${warn('warning')}  ${text}`)].join('\n')];
}
