import { expect, test } from 'vitest';
import type { IntoReport } from '../drill/restore-into.ts';
import type { Proof } from '../drill/schema.ts';
import { reportText } from './restore.ts';
import { whenIn } from './when.ts';

test('what the proof did not compare stands beside the result', () => {
  const proof: Partial<Proof> = {
    level: 'identical-to-artifact',
    tables: [],
    checks: [],
    respelled: [],
    differences: [],
    differencesTotal: 0,
    notes: [],
    notCompared: [{ what: 'rows on the source itself', why: 'not a deep backup' }],
  };
  const report: IntoReport = {
    backup: 'b-1',
    backupAt: '2026-11-22T23:15:00.000Z',
    target: { host: '/run/postgresql', port: 5432, database: 'shop_new', created: true },
    failed: [],
    missing: [],
    proof: proof as Proof,
    proven: true,
    timings: { fetch: 1, restore: 1, proof: 1 },
    notes: [],
  };
  expect(reportText(report, whenIn('UTC'))).toMatch(
    /result +proven: identical to artifact\nnot compared +rows on the source itself \(not a deep backup\)/,
  );
});
