import { test } from 'vitest';
import { proveRandomSchemas, showTally } from '../../../test/support/generate/property.ts';

test('200 random schemas are proven, and 400 random damages are found and named', { timeout: 10_800_000 }, async () => {
  const seed = Number(process.env.SOCLE_SEED ?? Date.now() % 2 ** 31);
  showTally(await proveRandomSchemas({ cases: 200, single: 2, combined: false, seed }), seed);
});
