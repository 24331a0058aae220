import { expect, test } from 'vitest';
import { bothToTheEnd } from './deliver.ts';

test('what goes on beside something that fails is still brought to its end, and the first failure is the one that is told', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let ended = false;
  const slow = promise.then((text) => {
    ended = true;
    return text;
  });
  const both = bothToTheEnd(Promise.reject(new Error('no package mirror')), slow);
  resolve('sent');
  await expect(both).rejects.toThrow('no package mirror');
  expect(ended).toBe(true);
  const late = new Error('the host stopped answering');
  await expect(bothToTheEnd(Promise.resolve(1), Promise.reject(late))).rejects.toBe(late);
  await expect(bothToTheEnd(Promise.resolve(1), Promise.resolve('two'))).resolves.toEqual([1, 'two']);
});
