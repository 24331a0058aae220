import { expect, test } from 'vitest';
import { renderReportHtml } from './report-html.ts';
import { type DrillReport, drillReportSchema } from './schema.ts';

const table = {
  name: 'sales."Lignes"',
  rows: 1_234_567,
  bytes: 5 * 2 ** 20,
  method: 'stream',
  result: 'identical',
  source: 'identical',
  generated: [] as string[],
} as const;

const proven: DrillReport = drillReportSchema.parse({
  format: 'socle-drill/1',
  id: 'd-20261122t231000z-4f9c1a',
  platform: 'comptoir',
  database: 'shop',
  backup: 'b-20261122t230800z-aa19f0',
  backupAt: '2026-11-22T23:08:00.123Z',
  startedAt: '2026-11-22T23:10:00.000Z',
  finishedAt: '2026-11-22T23:10:41.000Z',
  verdict: 'proven',
  level: 'identical-to-source',
  failure: null,
  recoveryTime: { ms: 14_230, targetMs: 3_600_000, met: true },
  dataLoss: { ms: 118_000, measuredBy: 'heartbeat', longestGapMs: 86_500_000, targetMs: 93_600_000, met: true },
  timings: { preflight: 410, fetch: 1_830, restore: 12_400, proof: 18_730, cleanup: 640, total: 35_120 },
  proof: {
    level: 'identical-to-source',
    tables: [table],
    checks: [{ name: 'indexes', count: 41, differences: 0 }],
    respelled: [{ kind: 'constraint', object: 'crm.customers.civility_check' }],
    differences: [],
    differencesTotal: 0,
    notes: ['collation fr-FR: 153.112 on the source, 153.120 here'],
  },
  scratch: {
    sandbox: 'bubblewrap, own user 61234, no network',
    serverVersion: '15.14',
    memoryLimit: 2 ** 30,
    diskLimit: 50 * 2 ** 30,
    peakMemory: 300 * 2 ** 20,
    peakDisk: 400 * 2 ** 20,
  },
  artifact: { bytes: 95_450_604, sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' },
  notes: ['logins need new passwords'],
});
const proof = proven.proof ?? expect.unreachable();

const mismatch: DrillReport = {
  ...proven,
  verdict: 'mismatch',
  level: 'restored',
  failure: { code: 'proof-mismatch', message: 'one value differs', next: 'take a new backup' },
  recoveryTime: { ms: 5_000_000, targetMs: 3_600_000, met: false },
  proof: {
    ...proof,
    level: 'restored',
    tables: [
      { ...table, name: 'a.same' },
      { ...table, name: 'z.other', method: 'multiset', result: 'different', source: 'different' },
    ],
    checks: [{ name: 'indexes', count: 41, differences: 2 }],
    differences: [
      {
        kind: 'rows',
        object: 'z.other',
        problem: 'changed',
        property: null,
        row: 'id=42',
        column: 'quantity',
        expected: null,
        found: null,
      },
    ],
    differencesTotal: 300,
  },
};

const notTested: DrillReport = {
  ...proven,
  verdict: 'not-tested',
  level: null,
  failure: { code: 'no-space', message: 'the disk is full', next: 'free 2 GiB' },
  recoveryTime: null,
  dataLoss: null,
  proof: null,
  scratch: { ...proven.scratch, serverVersion: null, peakMemory: null, peakDisk: null },
};

/** What a reader sees: the text without the markup. */
const textOf = (page: string) =>
  page
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&quot;/g, '"')
    .replace(/\s+/g, ' ');

test('a proven report shows everything that it holds', () => {
  const text = textOf(renderReportHtml(proven));
  for (const shown of [
    'shop came back, and it is identical to the source',
    'b-20261122t230800z-aa19f0',
    'd-20261122t231000z-4f9c1a',
    '2026-11-22 23:08:00 UTC',
    '2026-11-22 23:10:41 UTC',
    '14.2 s',
    'within the target of 1 h 0 m',
    '1 m 58 s',
    'newest heartbeat row',
    'in 30 days: 1 d 0 h',
    '410 ms',
    '1.8 s',
    '12.4 s',
    '18.7 s',
    '35.1 s',
    'sales."Lignes" 1,234,567 5.00 MiB byte for byte ✓ identical ✓ identical',
    'indexes 41 ✓',
    '1 object respelled',
    'crm.customers.civility_check constraint',
    'collation fr-FR',
    'logins need new passwords',
    'bubblewrap, own user 61234, no network',
    '15.14',
    '300.0 MiB at its peak, of 1.00 GiB',
    '400.0 MiB at its peak, of 50.0 GiB',
    '91.0 MiB',
    proven.artifact.sha256,
    'socle-drill/1',
    'comptoir',
  ]) {
    expect(text).toContain(shown);
  }
});

test('a mismatch leads with what failed, and tables that differ come first', () => {
  const page = renderReportHtml(mismatch);
  const text = textOf(page);
  for (const shown of [
    'Mismatch',
    'shop came back, but not as it was',
    'one value differs',
    'proof-mismatch, 300 differences',
    'What to do: take a new backup',
    'target missed of 1 h 0 m (139 %)',
    'The first 1 are listed.',
    'z.other rows changed row id=42 , column quantity',
    'run with --show-values',
    'indexes 41 ✗ 2 differences',
    'not reached',
  ]) {
    expect(text).toContain(shown);
  }
  expect(page).not.toContain('Expected');
  expect(page.indexOf('<bdi class="name">z.other')).toBeLessThan(page.indexOf('<bdi class="name">a.same'));
});

test('values are there only when the report holds them', () => {
  const differences = proof.differences.concat({
    kind: 'rows',
    object: 't',
    problem: 'changed',
    property: null,
    row: 'row 17',
    column: 'c',
    expected: 'été',
    found: 'ete',
  });
  const page = renderReportHtml({ ...mismatch, proof: { ...proof, differences, differencesTotal: 1 } });
  expect(textOf(page)).toContain('Expected Found t rows changed row row 17 , column c été ete');
});

test('a drill that could not test says so, and claims nothing', () => {
  const text = textOf(renderReportHtml(notTested));
  for (const shown of ['which says nothing about the backup', 'the disk is full', 'free 2 GiB', 'There is none']) {
    expect(text).toContain(shown);
  }
  expect(text).not.toMatch(/within the target|target missed|identical to the source$/);
});

test.each(Object.entries({ proven, mismatch, notTested }))('the page of %s loads nothing', (_name, report) => {
  const page = renderReportHtml(report);
  expect(page).not.toMatch(/(src|href|srcset|action)\s*=|url\(|@import|<script|<link|<iframe|https?:|\/\//i);
  expect(page).toContain("default-src 'none'");
});

test('hostile names stay text', () => {
  const hostile = '</style><script>alert(1)</script><img src=x onerror=alert(1)>"\'&\u202eevil\u0000\n\ud800';
  const everywhere = JSON.parse(JSON.stringify(mismatch), (key, value) =>
    typeof value === 'string' && !/^(verdict|level|method|result|source|problem|format|measuredBy|.*At)$/.test(key)
      ? hostile
      : value,
  ) as DrillReport;
  const page = renderReportHtml(everywhere);
  expect(page).not.toMatch(/<script|<img|<\/style><\/?s/i);
  expect(page.match(/<\/style>/g)).toHaveLength(1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be left
  expect(page).not.toMatch(/[\u0000-\u0009\u202e]/);
  expect(page).toContain('&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).toContain('&quot;&#39;&amp;\\u{202e}evil\\u{0}\\u{a}\ufffd');
});

test('a value keeps its line breaks out of the markup and many tables stay one page', () => {
  const tables = Array.from({ length: 3_000 }, (_, index) => ({ ...table, name: `s.t${index}` }));
  const page = renderReportHtml({ ...proven, proof: { ...proof, tables } });
  expect(page.match(/<tr class=""><th scope="row">/g)).toHaveLength(3_000);
  expect(page.length).toBeLessThan(1_500_000);
});
