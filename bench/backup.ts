import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backup } from '../src/backup/schema.ts';
import type { Bench } from './bench.ts';
import { interleaved, medianRatio, type Promised, print, say, shell } from './measure.ts';
import { makeSite, type Site, socle } from './site.ts';

/** What the promises after this one go on with. */
export interface Backups {
  readonly promised: readonly Promised[];
  /** Of Socle, with one good backup. */
  readonly site: Site;
  /** A plain restic repository with one dump, `/bench.dump`. */
  readonly plain: string;
}

/**
 * A backup until the dump is in the vault, and the whole of it (inventory, roles, read-back, row counts, manifest) ÷
 * `pg_dump -Fc -Z0 | restic backup --stdin`, which verifies nothing. Each time into a new vault: what is there already is
 * not stored again.
 */
export async function backupPromise({ directory, server, database, env, rounds }: Bench): Promise<Backups> {
  print('backup');
  const ours: Backup[] = [];
  const theirs: number[] = [];
  let site: Site | undefined;
  let plain = '';
  await shell('pg_dump -Fc -Z0 >/dev/null', env);
  await interleaved(
    rounds,
    async (round) => {
      if (site) await rm(site.directory, { recursive: true });
      site = await makeSite(join(directory, `backup-${round}`), server, database);
      ours.push(await socle<Backup>(site, ['backup', 'run']));
    },
    async (round) => {
      if (plain) await rm(plain, { recursive: true });
      plain = join(directory, `plain-${round}`);
      await mkdir(plain);
      await shell(`restic -r ${plain} init`, env);
      theirs.push(await shell(`pg_dump -Fc -Z0 | restic -r ${plain} backup --stdin --stdin-filename bench.dump`, env));
    },
  );
  if (!site) throw new Error('there is at least one round');
  const part = (key: 'inventory' | 'dump' | 'readBack' | 'total') =>
    ours.map(({ timings }) => timings?.[key] ?? Number.NaN);
  say('socle: dump until it is in the vault', part('dump'));
  say('pg_dump -Fc -Z0 | restic backup --stdin', theirs);
  say('socle besides: inventory before it', part('inventory'));
  say('socle besides: read-back and row counts after it', part('readBack'));
  say('socle: the whole backup', part('total'));
  const promised = [
    { name: 'backup', ratio: medianRatio(part('dump'), theirs), goal: 1.15 },
    { name: 'verified', ratio: medianRatio(part('total'), theirs), goal: 1.6 },
  ];
  return { promised, site, plain };
}
