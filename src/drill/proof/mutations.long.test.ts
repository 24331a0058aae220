import { afterAll, beforeAll, expect, test } from 'vitest';
import { everyMutation } from '../../../test/support/every-mutation.ts';
import { type ProvingWorld, provingWorld } from '../../../test/support/proving-world.ts';

let world: ProvingWorld;
beforeAll(async () => {
  world = await provingWorld();
});
afterAll(() => world?.end());

test.each(everyMutation.flat())('alone in a copy, it fails the proof and is named: $name', async (mutation) => {
  const proof = await world.proofAfter('alone', [mutation]);
  expect(proof.differences).toContainEqual(expect.objectContaining(mutation.names));
  expect(proof.level === null || proof.level === 'restored').toBe(true);
});
