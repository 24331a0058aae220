import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Vault } from '../backup/vault.ts';
import { newestHeartbeat } from '../database/heartbeat.ts';
import type { ScratchServer } from '../database/restored-server.ts';
import { startScratch } from '../database/scratch.ts';
import { hostFacts } from '../database/scratch-host.ts';
import { lacking } from '../database/scratch-lacks.ts';
import { makePlace, removePlace, type ScratchPlace } from '../database/scratch-place.ts';
import { type HostFacts, libraryName, preflightRestore } from '../database/scratch-preflight.ts';
import { sourceSettings } from '../database/scratch-settings.ts';
import { searchDirectories } from '../database/scratch-sight.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { makeSharedDirectory } from '../kernel/shared-files.ts';
import { formatSize } from '../kernel/units.ts';
import type { DrillConfig } from '../platform/schema.ts';
import { type Artifact, checkArchive, fetchArchive, placeRoles } from './artifact.ts';
import { firstCause } from './classify.ts';
import { BackupFault, Suspicion } from './evidence.ts';
import { prepareServer } from './prepare.ts';
import { Completed } from './proof/completed.ts';
import { prove } from './proof/prove.ts';
import { restoreArchive } from './restore.ts';
import { maintenanceDatabase } from './restore-plan.ts';
import type { DrillReport, Proof } from './schema.ts';

/** What a drill came to know, however far it got. */
export interface Attempt {
  readonly timings: Omit<DrillReport['timings'], 'total'>;
  readonly notes: string[];
  readonly scratch: DrillReport['scratch'];
  /** True once everything was restored. */
  restored: boolean;
  heartbeatAt: Date | null;
  proof: Completed<Proof> | null;
  /** What two attempts showed to be the backup's own. */
  fault: BackupFault | null;
  /** Why it could not be tested. */
  failure: SocleError | null;
}

export interface AttemptInput {
  readonly artifact: Artifact;
  readonly vault: Vault;
  readonly config: DrillConfig;
  /** Directory of scratch servers. */
  readonly root: string;
  readonly showValues: boolean;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** What is to happen before the proof: such as something to the restored copy, to show that the proof sees it. */
  readonly beforeProof?: ((server: ScratchServer, database: string) => Promise<void>) | undefined;
}

/** Restores and proves one backup on a scratch server, which is gone afterwards. Never rejects. */
export async function attempt(input: AttemptInput): Promise<Attempt> {
  const { limits } = input.config;
  const result: Attempt = {
    timings: { preflight: 0, fetch: 0, restore: 0, proof: 0, cleanup: 0 },
    notes: [],
    scratch: {
      sandbox: 'not started',
      serverVersion: null,
      memoryLimit: limits.memory,
      diskLimit: limits.disk,
      peakMemory: null,
      peakDisk: null,
    },
    restored: false,
    heartbeatAt: null,
    proof: null,
    fault: null,
    failure: null,
  };
  try {
    const host = await timed(input, result, 'preflight', () => checkHost(input, result));
    await untilSure(input, result, host);
  } catch (error) {
    result.failure = firstCause(error);
  }
  return result;
}

/** One attempt alone accuses no backup: what it suspects is tried again, with another server and another copy. */
async function untilSure(input: AttemptInput, result: Attempt, host: HostFacts): Promise<void> {
  try {
    return await onScratch(input, result, host);
  } catch (first) {
    if (!(first instanceof Suspicion)) throw first;
    input.progress.step(`trying once more, since ${first.message}`);
    result.restored = false;
    const again = await onScratch(input, result, host).then(
      () => null,
      (error: unknown) => error,
    );
    if (again === null) {
      result.notes.push(`the first attempt failed, and the second one did not: ${first.message}`);
      return;
    }
    result.fault = BackupFault.confirmed(first, again);
    if (result.fault === null) throw again;
  }
}

async function timed<T>(
  { clock }: AttemptInput,
  { timings }: Attempt,
  part: keyof Attempt['timings'],
  work: () => Promise<T>,
): Promise<T> {
  const began = clock.monotonic();
  try {
    return await work();
  } finally {
    timings[part] = Math.round(clock.monotonic() - began);
  }
}

async function checkHost(
  { artifact, config, root, progress, signal }: AttemptInput,
  result: Attempt,
): Promise<HostFacts> {
  const { inventory, dump, roles } = artifact.manifest;
  progress.step('checking this machine');
  const host = await hostFacts(inventory.server.major, root);
  result.scratch.serverVersion = host.serverVersion;
  const { problems: before, notes } = preflightRestore(inventory, dump.bytes, host, config.limits);
  const problems = before.length > 0 ? before : await lacking(inventory, host, root, signal);
  result.notes.push(...notes);
  if (!roles.passwords) result.notes.push('logins need new passwords: the backup holds no password hashes');
  const [problem, ...more] = problems;
  if (problem === undefined) return host;
  const others = more.map(({ message }) => message);
  throw fail(problem.code, [problem.message, ...others].join('; '), { next: problem.next, others });
}

async function onScratch(input: AttemptInput, result: Attempt, host: HostFacts): Promise<void> {
  const place = makePlace(input.root);
  let server: ScratchServer | undefined;
  try {
    const started = await startAndFetch(input, result, host, place);
    server = started.server;
    await restoreAndProve(input, result, server, started.archive);
  } catch (error) {
    throw firstCause(await deathOf(server), await suspected(error, server));
  } finally {
    const peak = server?.peak();
    result.scratch.peakMemory = peak?.memory ?? null;
    result.scratch.peakDisk = peak?.disk ?? null;
    await timed(input, result, 'cleanup', async () => {
      await server?.destroy();
      await removePlace(place.directory);
    });
  }
}

/** The failure as a suspicion, where the server's log, or restic, bears it out. */
async function suspected(error: unknown, server: ScratchServer | undefined): Promise<unknown> {
  if (!(error instanceof SocleError) || error instanceof Suspicion) return error;
  // The server writes its log before it answers; the log's pipe may come later than the answer.
  for (let wait = 0; wait < 1_000; wait += 50) {
    const suspicion = Suspicion.ofVault(error) ?? (server && Suspicion.ofRestore(error, server.log()));
    if (suspicion) return suspicion;
    if (server === undefined || error.details.said === undefined) break;
    await delay(50);
  }
  return error;
}

/** Why the server is gone, if it is: its clients notice that a moment before we do. */
async function deathOf(server: ScratchServer | undefined): Promise<SocleError | null> {
  for (let wait = 0; server?.failure() === null && wait < 500; wait += 50) await delay(50);
  return server?.failure() ?? null;
}

/** All at once: the server is ready, with its roles, when the archive is there. */
async function startAndFetch(input: AttemptInput, result: Attempt, host: HostFacts, place: ScratchPlace) {
  const { artifact, vault, progress } = input;
  const directory = join(place.directory, 'archive');
  const stop = new AbortController();
  const signal = AbortSignal.any([input.signal, stop.signal]);
  progress.step(`fetching ${formatSize(artifact.manifest.dump.bytes)} from the vault`);
  const roles = await placeRoles(artifact, directory);
  const [started, archive] = await Promise.allSettled([
    startPrepared(input, result, host, place, roles, signal).catch((error) => {
      stop.abort();
      throw error;
    }),
    timed(input, result, 'fetch', () => fetchArchive(vault, artifact, directory, signal)),
  ]);
  if (started.status === 'rejected') throw started.reason;
  const server = started.value;
  if (archive.status === 'fulfilled') return { server, archive: archive.value };
  await server.destroy();
  throw archive.reason;
}

/** A scratch server with what belongs to the server and not to the database. */
async function startPrepared(
  { artifact, config, root }: AttemptInput,
  result: Attempt,
  host: HostFacts,
  place: ScratchPlace,
  roles: string,
  signal: AbortSignal,
): Promise<ScratchServer> {
  const { inventory } = artifact.manifest;
  const { server: source } = inventory;
  const server = await startScratch({
    root,
    place,
    signal,
    major: source.major,
    limits: config.limits,
    superuser: source.superuser,
    preloadLibraries: source.preloadLibraries.map(libraryName),
    settings: sourceSettings(source.settings, host.locales),
    sight: [...host.sight, ...searchDirectories(source.settings)],
  });
  result.scratch.sandbox = server.sandbox;
  try {
    await prepareServer(server, inventory, roles, signal);
    return server;
  } catch (error) {
    const death = await deathOf(server);
    const cause = firstCause(death, await suspected(error, server));
    await server.destroy();
    throw cause;
  }
}

async function restoreAndProve(
  input: AttemptInput,
  result: Attempt,
  server: ScratchServer,
  archive: string,
): Promise<void> {
  const { artifact, config, progress, showValues } = input;
  const { manifest } = artifact;
  const { database } = manifest.inventory;
  const work = join(server.directory, 'work');
  makeSharedDirectory(work);
  progress.step(`restoring ${database}`);
  try {
    await timed(input, result, 'restore', () => restoreAll(input, server, archive, work));
  } catch (error) {
    // An archive that is not ours fails in its own way, and what it did says nothing.
    await checkArchive(archive, manifest.dump, input.signal);
    throw error;
  }
  result.restored = true;
  const client = await server.connect(database);
  result.heartbeatAt = await newestHeartbeat(client, 'restored').finally(() => client.end());
  await input.beforeProof?.(server, database);
  progress.step(`proving ${database}`);
  const proving = (signal: AbortSignal) =>
    prove({
      manifest,
      archive,
      restored: { server, database },
      reference: server,
      workDirectory: work,
      jobs: config.limits.jobs,
      showValues,
      progress,
      signal,
    });
  result.proof = await timed(input, result, 'proof', () =>
    Completed.by(input.signal, () => whileHashing(input, result, archive, proving)),
  );
}

/** The proof is about the archive that the manifest names: whether this is the one is found out meanwhile, and comes first. */
async function whileHashing(
  { artifact, signal: outer }: AttemptInput,
  result: Attempt,
  archive: string,
  proving: (signal: AbortSignal) => Promise<Proof>,
): Promise<Proof> {
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
  const [hashed, proven] = await Promise.allSettled([
    checkArchive(archive, artifact.manifest.dump, signal).catch((error) => {
      stop.abort();
      throw error;
    }),
    proving(signal),
  ]);
  if (hashed.status === 'rejected') {
    result.restored = false;
    throw hashed.reason;
  }
  if (proven.status === 'rejected') throw proven.reason;
  return proven.value;
}

async function restoreAll(
  { artifact: { manifest }, config, progress, signal }: AttemptInput,
  server: ScratchServer,
  archive: string,
  work: string,
): Promise<void> {
  const { inventory } = manifest;
  const base = server.peak().disk;
  const shown = setInterval(() => {
    const written = Math.max(0, server.peak().disk - base);
    progress.update(Math.min(written, inventory.bytes), inventory.bytes, 'bytes');
  }, 1_000);
  try {
    await restoreArchive({
      server,
      inventory,
      archive,
      work,
      target: inventory.database,
      database: maintenanceDatabase(inventory.database),
      jobs: config.limits.jobs,
      signal,
      create: true,
      exitOnError: true,
    });
  } finally {
    clearInterval(shown);
  }
}
