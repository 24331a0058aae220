import { expect, test } from 'vitest';
import { proveRandomSchemas, showTally } from '../../../test/support/generate/property.ts';

test('random schemas are backed up, restored and proven; any one damage is found and named', {
  timeout: 1_500_000,
}, async () => {
  const seed = 20_261_122;
  const tally = await proveRandomSchemas({ cases: 12, single: 1, combined: true, seed });
  showTally(tally, seed);
  expect(Math.min(...tally.objects.values())).toBeGreaterThan(0);
});
