import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrillReport } from '../src/drill/schema.ts';
import type { Backups } from './backup.ts';
import type { Bench } from './bench.ts';
import { interleaved, medianRatio, type Promised, print, say, shell } from './measure.ts';
import { socle } from './site.ts';

/**
 * A drill without its proof, its server's start included ÷ `restic restore` and `pg_restore -j2` into an empty
 * database of a server that runs already; and its proof ÷ printing both sides once, the database and the archive.
 */
export async function drillPromises(bench: Bench, { site, plain }: Backups): Promise<Promised[]> {
  print('drill and proof');
  const { directory, server, env, rounds } = bench;
  const fetched = join(directory, 'fetched');
  const drills: DrillReport[] = [];
  const [restic, restore, dump, list]: [number[], number[], number[], number[]] = [[], [], [], []];
  await interleaved(
    rounds,
    async () => {
      drills.push(await socle<DrillReport>(site, ['drill', 'run']));
    },
    async () => {
      await mkdir(fetched);
      restic.push(await shell(`restic -r ${plain} restore latest --target ${fetched}`, env));
      const client = await server.connect();
      await client.query('CREATE DATABASE copy TEMPLATE template0');
      const as = { ...env, PGUSER: 'postgres', PGDATABASE: 'copy' };
      restore.push(await shell(`pg_restore -j2 --exit-on-error -d copy ${fetched}/bench.dump`, as));
      dump.push(await shell('pg_dump >/dev/null', as));
      list.push(await shell(`pg_restore -f - ${fetched}/bench.dump >/dev/null`, as));
      await client.query('DROP DATABASE copy');
      await client.end();
      await rm(fetched, { recursive: true });
    },
  );
  for (const { verdict, level } of drills) {
    if (verdict !== 'proven' || level !== 'identical-to-artifact') throw new Error(`a drill was ${verdict}, ${level}`);
  }
  const times = (pick: (timings: DrillReport['timings']) => number) => drills.map(({ timings }) => pick(timings));
  const sums = (a: readonly number[], b: readonly number[]) => a.map((value, index) => value + (b[index] ?? 0));
  // What a drill leaves behind is removed at its end; what the other way leaves is removed outside of its time too.
  const whole = times(({ total, proof, cleanup }) => total - proof - cleanup);
  const proofs = times(({ proof }) => proof);
  say('socle: drill without proof', whole);
  say(
    '  of it: fetch',
    times(({ fetch }) => fetch),
  );
  say(
    '  of it: restore',
    times(({ restore: ms }) => ms),
  );
  say(
    '  of it: finding the backup, preflight, the rest',
    times(({ total, fetch, restore: ms, proof, cleanup }) => total - fetch - ms - proof - cleanup),
  );
  say(
    'socle besides: destroying the server',
    times(({ cleanup }) => cleanup),
  );
  say('restic restore + pg_restore -j2', sums(restic, restore));
  say('  of it: restic restore', restic);
  say('socle: proof, identical to the artifact', proofs);
  say('pg_dump >/dev/null + pg_restore -f - >/dev/null', sums(dump, list));
  return [
    { name: 'drill', ratio: medianRatio(whole, sums(restic, restore)), goal: 1.1 },
    { name: 'proof', ratio: medianRatio(proofs, sums(dump, list)), goal: 1.2 },
  ];
}
