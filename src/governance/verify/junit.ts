import type { CheckResult, VerifyReport } from './verify.ts';

const document = (lines: readonly string[]) =>
  ['<?xml version="1.0" encoding="UTF-8"?>', ...lines, '</testsuites>', ''].join('\n');

/** What CI systems read where there is no report, and why: one case, with an error. */
export function unfinishedJunit(why: string): string {
  const attributes = write({ name: 'socle verify', ...totals(1, 0, 1, 0) });
  const testcase = `<testcase${write({ name: 'the checks are made', classname: 'socle' })}>`;
  return document([
    `<testsuites${attributes}>`,
    `  <testsuite${attributes}>`,
    `    ${testcase}<error${write({ message: why, type: 'unknown' })}/></testcase>`,
    '  </testsuite>',
  ]);
}

/** The report as JUnit XML, as CI systems read it: a suite for each side, a case for each check. */
export function asJunit(report: VerifyReport): string {
  const suites = (['outside', 'inside'] as const).map((side) => suite(report, side));
  const { fail, unknown, skip, 'to come': coming } = report.counts;
  const total = {
    name: `socle verify ${report.platform}`,
    ...totals(report.checks.length, fail, unknown, skip + coming),
  };
  const attributes = { ...total, time: report.seconds, timestamp: report.startedAt };
  return document([`<testsuites${write(attributes)}>`, ...suites]);
}

function suite({ checks, startedAt, host }: VerifyReport, side: CheckResult['side']): string {
  const mine = checks.filter((one) => one.side === side);
  const number = (wanted: string) => mine.filter(({ verdict }) => verdict === wanted).length;
  const attributes = {
    name: side,
    ...totals(mine.length, number('fail'), number('unknown'), number('skip') + number('to come')),
    timestamp: startedAt,
    hostname: host,
  };
  return [`  <testsuite${write(attributes)}>`, ...mine.map(testcase), '  </testsuite>'].join('\n');
}

const totals = (tests: number, failures: number, errors: number, skipped: number) => ({
  tests,
  failures,
  errors,
  skipped,
});

function testcase({ id, title, side, requirements, verdict, evidence, next }: CheckResult): string {
  const open = `    <testcase${write({ name: `${id}: ${title}`, classname: `socle.${side}.${requirements.join('.')}` })}>`;
  const text = next === undefined ? evidence : `${evidence}\nnext: ${next}`;
  const bodies: Partial<Record<CheckResult['verdict'], string>> = {
    fail: `<failure${write({ message: evidence, type: requirements.join(' ') })}>${xmlText(text)}</failure>`,
    unknown: `<error${write({ message: evidence, type: 'unknown' })}>${xmlText(text)}</error>`,
    skip: `<skipped${write({ message: evidence })}/>`,
    'to come': `<skipped${write({ message: `to come: ${evidence}` })}/>`,
  };
  const body = bodies[verdict] ?? `<system-out>${xmlText(text)}</system-out>`;
  return `${open}${body}</testcase>`;
}

const write = (attributes: Readonly<Record<string, string | number>>) =>
  Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${xmlText(String(value))}"`)
    .join('');

/** XML 1.0 has no control characters but tab and line breaks. */
function xmlText(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\u{10ffff}]/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
