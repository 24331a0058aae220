import { expect, test } from 'vitest';
import { catalogued } from '../../test/support/stored-backup.ts';
import { interruptedReport } from '../drill/interrupted.ts';
import type { DrillReport, Proof } from '../drill/schema.ts';
import { platformSchema } from '../platform/schema.ts';
import { drillText } from './drill-text.ts';
import { whenIn } from './when.ts';

const at = '2026-11-22T23:15:00.000Z';
const platform = platformSchema.parse({ name: 't', environment: 'dev' });
const report: DrillReport = interruptedReport(catalogued('b-1', at), platform, 'd-1', new Date(at));

test('a failure that points to a log quotes it', () => {
  const output = 'initdb: could not look up effective user ID 61234: Permission denied\ncheck permissions';
  const failure = {
    code: 'scratch-failed',
    message: 'initdb ended with 1',
    next: 'read the last lines of its log',
    output,
  };
  const shown = drillText({ ...report, failure }, false, whenIn('UTC'));
  expect(shown).toMatch(/^ {2}\| initdb: could not look up effective user ID 61234: Permission denied$/m);
  expect(shown).toMatch(/^ {2}\| check permissions$/m);
});

test('what the proof has to say stands beside what the drill has', () => {
  const proof = { level: 'restored', tables: [], checks: [], respelled: [], differences: [], differencesTotal: 0 };
  const noted = { ...proof, notes: ['collation x has another version'] } as unknown as Proof;
  const shown = drillText({ ...report, notes: ['logins need new passwords'], proof: noted }, false, whenIn('UTC'));
  expect(shown).toMatch(/notes +logins need new passwords\n +collation x has another version/);
});
