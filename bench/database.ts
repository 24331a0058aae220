import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { grantSql } from '../src/database/grant.ts';
import { makePlace } from '../src/demo/place.ts';
import { startServer, type ThrowAwayServer } from '../src/demo/server.ts';
import { formatDuration, formatSize } from '../src/kernel/units.ts';
import { loadPlatform } from '../src/platform/load.ts';
import { backupPromise } from './backup.ts';
import type { Bench } from './bench.ts';
import { makeDatabase } from './data.ts';
import { deepPromise } from './deep.ts';
import { drillPromises } from './drill.ts';
import { growthPromise } from './growth.ts';
import { type Promised, print, roundsOr } from './measure.ts';
import { memoryPeak, memoryPromises } from './memory.ts';
import { makeSite } from './site.ts';

/** What is promised about backups, drills and the daemon: with one database of 1 GB, and its memory with one of 4 GB. */
export async function databasePromises(): Promise<Promised[]> {
  const rounds = roundsOr(5);
  await using left = new AsyncDisposableStack();
  // What is left goes with this process.
  const end = () => process.exit(130);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, end);
    left.defer(() => void process.off(signal, end));
  }
  const { directory } = left.adopt(await makePlace('socle-bench-'), (place) => place.remove());
  const server = left.adopt(await startServer({ directory }), (started) => started.stop());
  print(
    `PostgreSQL ${server.version}, ${availableParallelism()} processors, ${rounds} rounds; a ratio is the median of theirs`,
  );
  const bench = await prepare(server, directory, 'bench', 1, rounds);
  const backups = await backupPromise(bench);
  const promised: Promised[] = [
    ...backups.promised,
    await deepPromise(bench),
    ...(await drillPromises(bench, backups)),
    await growthPromise(bench, backups),
  ];
  print('memory');
  const small = await memoryPeak(bench);
  const quick = process.env.BENCH_QUICK === '1';
  const large = quick ? null : await memoryPeak(await prepare(server, directory, 'large', 4, rounds));
  return [...promised, ...memoryPromises(small, large)];
}

async function prepare(
  server: ThrowAwayServer,
  directory: string,
  database: string,
  parts: number,
  rounds: number,
): Promise<Bench> {
  const start = performance.now();
  const bytes = await makeDatabase(server, database, parts);
  const site = await makeSite(join(directory, `grant-${database}`), server, database);
  const [config] = (await loadPlatform(site.file)).databases;
  const client = await server.connect(database);
  if (config) await client.query(grantSql(config));
  await client.end();
  print(`database ${database}: ${formatSize(bytes)}, made in ${formatDuration(performance.now() - start)}`);
  const env = {
    PATH: `${server.bin}:${process.env.PATH ?? ''}`,
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: 'socle_backup',
    PGDATABASE: database,
    RESTIC_PASSWORD_FILE: site.passwordFile,
    RESTIC_CACHE_DIR: join(directory, 'restic-cache'),
  };
  return { directory, server, database, env, rounds };
}
