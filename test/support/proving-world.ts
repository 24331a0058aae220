import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Proof } from '../../src/drill/schema.ts';
import { createEveryKind } from './every-kind.ts';
import type { Mutation } from './every-mutation.ts';
import { startPostgres, type TestServer } from './postgres.ts';
import { copyDatabase, copyRoles, type Dumped, dropCopy, dump, proveCopy, restore } from './proving.ts';

/** A source with an object of every kind, its dump, and a server with a pristine restored copy of it. */
export interface ProvingWorld {
  readonly source: TestServer;
  readonly target: TestServer;
  readonly dumped: Dumped;
  readonly directory: string;
  /** Name of the copy that nothing is done to. */
  readonly pristine: string;
  /** The proof of a fresh copy after these mutations. */
  proofAfter(name: string, mutations: readonly Mutation[], showValues?: boolean): Promise<Proof>;
  end(): Promise<void>;
}

export async function provingWorld(): Promise<ProvingWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-proving-'));
  const [source, target] = await Promise.all([startPostgres(), startPostgres()]);
  const dumped = await dump(source, await createEveryKind(source), directory);
  await copyRoles(source, target);
  const pristine = await restore(target, dumped, 'pristine');
  return {
    source,
    target,
    dumped,
    directory,
    pristine,
    async proofAfter(name, mutations, showValues = false) {
      const copy = await copyDatabase(target, pristine, name);
      try {
        for (const { sql } of mutations) {
          await target.sql(sql.replaceAll('DATABASE DATABASE', `DATABASE "${copy}"`), copy);
        }
        return await proveCopy(target, dumped, copy, directory, showValues);
      } finally {
        await dropCopy(target, copy);
      }
    },
    async end() {
      await Promise.all([source.stop(), target.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
