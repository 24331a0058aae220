import { afterAll, beforeAll, expect, test } from 'vitest';
import { everyMutation } from '../../../test/support/every-mutation.ts';
import { type ProvingWorld, provingWorld } from '../../../test/support/proving-world.ts';

let world: ProvingWorld;
beforeAll(async () => {
  world = await provingWorld();
});
afterAll(() => world?.end());

test('a copy of the pristine database is identical', async () => {
  const proof = await world.proofAfter('untouched', []);
  expect(proof.differences).toEqual([]);
  expect(proof.level).toBe('identical-to-source');
});

test.each(everyMutation.map((group, index) => ({ group, index })))(
  'group $index: every mutation is named',
  async ({ group, index }) => {
    const proof = await world.proofAfter(`group_${index}`, group);
    for (const { name, names } of group) {
      expect.soft(proof.differences, name).toContainEqual(expect.objectContaining(names));
    }
    expect(proof.level === null || proof.level === 'restored').toBe(true);
    expect(proof.differencesTotal).toBeGreaterThanOrEqual(group.length);
  },
);
