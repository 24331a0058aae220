import { fingerprintTables } from '../src/database/fingerprint.ts';
import { takeInventory } from '../src/database/inventory.ts';
import type { Bench } from './bench.ts';
import { interleaved, medianRatio, type Promised, print, say } from './measure.ts';

/** What a deep backup asks of the source besides ÷ one `md5(row::text)` of every row, by a client of the same server. */
export async function deepPromise({ server, database, rounds }: Bench): Promise<Promised> {
  print('deep hash of every row on the source');
  const [ours, theirs]: [number[], number[]] = [[], []];
  const client = await server.connect(database);
  const timed = async (times: number[], work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  };
  try {
    const { relations } = await takeInventory(client);
    const tables = relations.filter(({ kind }) => kind === 'table');
    await interleaved(
      rounds,
      () => timed(ours, () => fingerprintTables(client, tables)),
      () =>
        timed(theirs, async () => {
          for (const { name } of tables) await client.query(`SELECT count(md5(t::text)) FROM ONLY ${name} t`);
        }),
    );
  } finally {
    await client.end();
  }
  say('socle: fingerprints of all tables', ours);
  say('one md5(row::text) of every row', theirs);
  return { name: 'deep', ratio: medianRatio(ours, theirs), goal: 1.2 };
}
