import { rmSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEveryKind } from '../../../test/support/every-kind.ts';
import { startPostgres, type TestServer } from '../../../test/support/postgres.ts';
import { copyRoles, type Dumped, dump, proveCopy, restore } from '../../../test/support/proving.ts';
import { proofSchema } from '../schema.ts';

let source: TestServer;
let target: TestServer;
let work: string;
let dumped: Dumped;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'socle-prove-'));
  [source, target] = await Promise.all([startPostgres(), startPostgres()]);
  dumped = await dump(source, await createEveryKind(source), work);
  await copyRoles(source, target);
  await restore(target, dumped, 'pristine');
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
  rmSync(work, { recursive: true, force: true });
});

test('a correct restore of every kind of object is proven to the source, and nothing is left behind', async () => {
  const proof = proofSchema.parse(await proveCopy(target, dumped, 'pristine', work));
  expect([proof.differences, proof.notes]).toEqual([[], []]);
  expect(proof.level).toBe('identical-to-source');
  expect((await readdir(work)).filter((name) => name.startsWith('proof-'))).toEqual([]);
});
