import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runBackup } from '../backup/run.ts';
import type { Backup } from '../backup/schema.ts';
import { openVault } from '../backup/vault-open.ts';
import { grantSql } from '../database/grant.ts';
import { newestHeartbeat } from '../database/heartbeat.ts';
import { renderReportHtml } from '../drill/report-html.ts';
import { runDrill } from '../drill/run.ts';
import type { DrillReport } from '../drill/schema.ts';
import { systemClock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { loadPlatform } from '../platform/load.ts';
import { statePaths } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';
import { openPlatformState } from '../platform/state.ts';
import { type DemoDaemon, startDaemon } from './daemon.ts';
import { type DamageResult, damageOneValue } from './damage.ts';
import { type Answer, ask } from './endpoints.ts';
import { makePlace } from './place.ts';
import { sampleDatabase, writePlatform } from './platform-file.ts';
import { installSample } from './sample.ts';
import { startServer, type ThrowAwayServer } from './server.ts';

export interface DemoOptions {
  /** Leave the daemon and its database running after the report, until `signal` aborts. */
  readonly keep: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Called with the result while the daemon still answers. */
  readonly onResult: (result: DemoResult) => void;
}

export interface DemoResult {
  /** The drill proved the restore as identical to the source, and the damage was found and named. */
  readonly ok: boolean;
  readonly kept: boolean;
  readonly postgres: string;
  readonly sample: { readonly bytes: number; readonly rows: number; readonly tables: number };
  readonly backup: Backup;
  readonly drill: DrillReport;
  readonly damage: DamageResult;
  /** What the daemon answered. */
  readonly answers: readonly Answer[];
  /** Process to end for everything to end. */
  readonly pid: number;
  readonly platformFile: string;
  /** The drill report as a page; null when it could not be kept. */
  readonly html: string | null;
  /** Milliseconds, from nothing to here. */
  readonly durationMs: number;
}

/**
 * The main job from nothing: a throw-away PostgreSQL with a sample database, a vault, the daemon, a backup, a drill, and
 * a damaged copy that the proof has to find. However it ends, no process and no directory is left.
 * @throws `interrupted`, and what any of its parts throws
 */
export async function runDemo({ keep, progress, signal, onResult }: DemoOptions): Promise<DemoResult> {
  await using left = new AsyncDisposableStack();
  const began = performance.now();
  progress.step('starting a throw-away PostgreSQL');
  const place = left.adopt(await makePlace('socle-demo-'), (made) => made.remove());
  const { directory } = place;
  const server = left.adopt(await startServer({ directory, signal }), (made) => made.stop());
  const { file, port } = await writePlatform(directory, server.host, server.port);
  const platform = await loadPlatform(file);
  const sample = await makeSample(server, platform, progress, signal);

  progress.step('making a vault');
  const paths = statePaths(platform);
  if (platform.backup === undefined) throw new Error('the platform file of the demo has a backup section');
  const vault = await openVault(platform.backup.vault, { platform: platform.name, cache: paths.cache });
  await vault.init(signal);
  progress.step('starting the ops daemon');
  const daemon = left.adopt(await startDaemon(directory, { file, port }, signal), (made) => made.stop());
  await firstHeartbeat(server, signal);

  const db = left.adopt(openPlatformState(platform), (opened) => opened.close());
  const actor = 'demo';
  const deps = { db, vault, clock: systemClock, progress, signal };
  const backup = await runBackup({ platform, database: sampleDatabase, deep: true, actor }, deps);
  const drill = await runDrill({ platform, backup: backup.id, deep: true, showValues: false, actor }, deps);
  const damage = await damageOneValue(platform, backup.id, { ...deps, clock: systemClock });

  progress.step('asking the daemon');
  const result: DemoResult = {
    ok: drill.verdict === 'proven' && drill.level === 'identical-to-source' && damage.named,
    kept: keep,
    postgres: server.version,
    sample,
    backup,
    drill,
    damage,
    answers: await ask(daemon.url, signal),
    pid: process.pid,
    platformFile: file,
    html: await keepPage(renderReportHtml(drill), keep ? directory : null),
    durationMs: Math.round(performance.now() - began),
  };
  onResult(result);
  if (keep) await untilStopped(daemon, signal);
  return result;
}

async function makeSample(
  server: ThrowAwayServer,
  platform: Platform,
  progress: Progress,
  signal: AbortSignal,
): Promise<DemoResult['sample']> {
  const admin = await server.connect();
  await admin.query(`CREATE DATABASE ${sampleDatabase} TEMPLATE template0`).finally(() => admin.end());
  const client = await server.connect(sampleDatabase);
  // A connection that is cut ends the statement that runs on it.
  const cut = () => void client.end();
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    await installSample(client, { onPart: (part) => progress.step(`filling the sample database: ${part}`) });
    const [database] = platform.databases;
    if (database) await client.query(grantSql(database));
    const { rows } = await client.query<{ bytes: string; rows: string; tables: string }>(`
      SELECT pg_database_size(current_database()) AS bytes, count(*) AS tables,
             sum((xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ONLY ' || c.oid::regclass, true, true, '')))[1]::text::bigint) AS rows
        FROM pg_class c WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'`);
    return { bytes: Number(rows[0]?.bytes), rows: Number(rows[0]?.rows), tables: Number(rows[0]?.tables) };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cut);
    await client.end().catch(() => {});
  }
}

/** Data loss is measured by the daemon's heartbeat rows: the backup waits for the first one. */
async function firstHeartbeat(server: ThrowAwayServer, signal: AbortSignal): Promise<void> {
  const client = await server.connect(sampleDatabase);
  try {
    const until = performance.now() + 30_000;
    while ((await newestHeartbeat(client)) === null) {
      signal.throwIfAborted();
      if (performance.now() > until) throw fail('timeout', 'the ops daemon wrote no heartbeat within 30 s');
      await delay(100);
    }
  } finally {
    await client.end();
  }
}

/** Beside the running daemon, or in the user's cache when the demo's own directory goes. */
async function keepPage(page: string, directory: string | null): Promise<string | null> {
  const target = directory ?? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'socle');
  const file = join(target, 'demo-drill.html');
  try {
    await mkdir(target, { recursive: true });
    await writeFile(file, page);
    return file;
  } catch {
    return null;
  }
}

async function untilStopped(daemon: DemoDaemon, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<'stopped'>((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  const first = await Promise.race([stopped, daemon.ended]);
  if (first !== 'stopped') throw fail('command-failed', 'the ops daemon ended by itself');
}
