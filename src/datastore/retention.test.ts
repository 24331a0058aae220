import { expect, test } from 'vitest';
import type { Stored } from '../backup/vault.ts';
import { planRemoval } from './retention.ts';

const at = (item: Stored['item'], id: string, second: number): Stored => ({
  snapshot: `${id} ${item}`,
  tree: id,
  item,
  database: 'k3s',
  id,
  time: new Date(second * 1000),
  paths: [],
});
const complete = (id: string, second: number) => [
  at('datastore', id, second),
  at('datastore-manifest', id, second + 1),
];

test('the newest copies that count stay; what an interrupted one left goes, and one that is being made does not', () => {
  const backup = [at('dump', 'b-1', 0), at('manifest', 'b-1', 0)];
  const begun = at('datastore', 'c-4', 9);
  const all = [...backup, ...complete('c-1', 1), at('datastore', 'c-2', 3), ...complete('c-3', 5), begun];
  const leaving = (keep: number) => planRemoval(all, keep).map(({ snapshot }) => snapshot);
  expect(leaving(1)).toEqual(['c-1 datastore-manifest', 'c-1 datastore', 'c-2 datastore']);
  expect(leaving(5)).toEqual(['c-2 datastore']);
  expect(planRemoval([at('datastore', 'c-0', 1)], 1)).toEqual([]);
});
