import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { grantSql } from '../src/database/grant.ts';
import { makePlace } from '../src/demo/place.ts';
import { startServer } from '../src/demo/server.ts';
import { formatDuration, formatSize } from '../src/kernel/units.ts';
import { loadPlatform } from '../src/platform/load.ts';
import { backupPromise } from './backup.ts';
import type { Bench } from './bench.ts';
import { makeDatabase } from './data.ts';
import { drillPromises } from './drill.ts';
import { growthPromise } from './growth.ts';
import { type Promised, print } from './measure.ts';
import { memoryPeak, memoryPromises } from './memory.ts';
import { makeSite } from './site.ts';

/**
 * The promises about speed and size, each as a ratio against what a user would use instead, measured in one run on one
 * machine. BENCH_QUICK=1 leaves out the database of four times the size; BENCH_ROUNDS sets the repetitions (5).
 */
const began = performance.now();
const quick = process.env.BENCH_QUICK === '1';
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);

await using left = new AsyncDisposableStack();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const { directory } = left.adopt(await makePlace('socle-bench-'), (place) => place.remove());
const server = left.adopt(await startServer({ directory }), (started) => started.stop());

async function prepare(database: string, parts: number): Promise<Bench> {
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

print(
  `PostgreSQL ${server.version}, ${availableParallelism()} processors, ${rounds} rounds; a ratio is the median of theirs`,
);
const bench = await prepare('bench', 1);
const backups = await backupPromise(bench);
const promised: Promised[] = [
  backups.promised,
  ...(await drillPromises(bench, backups)),
  await growthPromise(bench, backups),
];
print('memory');
const small = await memoryPeak(bench);
const large = quick ? null : await memoryPeak(await prepare('large', 4));
promised.push(...memoryPromises(small, large));

print(`in ${formatDuration(performance.now() - began)}`);
print('');
for (const { name, ratio, goal } of promised) {
  const kept = ratio <= goal;
  print(`bench ${name} ${ratio.toFixed(2)} ${goal.toFixed(2)} ${kept ? 'pass' : 'fail'}`);
  if (!kept) process.exitCode = 1;
}
