import { join } from 'node:path';
import pg from 'pg';
import { BackupCatalog } from '../backup/catalog.ts';
import type { RestoredServer } from '../database/restored-server.ts';
import { destroyLeftovers, makePlace, removePlace } from '../database/scratch-place.ts';
import { recordOperation } from '../governance/operations.ts';
import { asSocleError, fail, type SocleError } from '../kernel/errors.ts';
import { acquireLock } from '../kernel/lock.ts';
import { makeSharedDirectory } from '../kernel/shared-files.ts';
import { formatSize } from '../kernel/units.ts';
import { statePaths } from '../platform/paths.ts';
import type { ConnectionConfig, Platform } from '../platform/schema.ts';
import { type Artifact, checkArchive, type FetchedArtifact, fetchArtifact, findArtifact } from './artifact.ts';
import { chooseBackup } from './choose.ts';
import { provePart, selected } from './partial-proof.ts';
import { prove } from './proof/prove.ts';
import { referenceServer } from './reference-server.ts';
import { restoreArchive } from './restore.ts';
import type { RestoreError } from './restore-errors.ts';
import { maintenanceDatabase, type RestoreSelection } from './restore-plan.ts';
import { restoreRoles, restoreRolesAsOnSource } from './roles.ts';
import type { DrillDeps } from './run.ts';
import type { Proof } from './schema.ts';
import { describeTarget, inspectTarget, makeTarget } from './target-database.ts';
import { openTarget } from './target-server.ts';

export interface IntoRequest {
  readonly platform: Platform;
  readonly database?: string | undefined;
  /** Id of a backup; default: the newest good one. */
  readonly backup?: string | undefined;
  /** The server, and as its `database` the one to restore into: made when it is not there. */
  readonly target: ConnectionConfig;
  readonly selection?: RestoreSelection | undefined;
  /** Create the roles of the source that are missing, and give the others the source's properties. */
  readonly roles: boolean;
  /** Go on after errors and list them. */
  readonly salvage: boolean;
  /** Restore into a database that holds something. */
  readonly intoNonEmpty: boolean;
  /** Values of rows may stand in the report. */
  readonly showValues: boolean;
  /** A backup that lacks something will do: what it has is restored, and what it lacks is named. */
  readonly incomplete?: boolean | undefined;
  readonly actor: string;
}

/** What a restore for real came to. Times in ms. */
export interface IntoReport {
  readonly backup: string;
  readonly backupAt: string;
  readonly target: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly created: boolean;
  };
  /** Statements that failed and were passed over; empty without `salvage`. */
  readonly failed: readonly RestoreError[];
  /** What the backup lacks, and so the restored database as well; empty unless it is incomplete. */
  readonly missing: readonly string[];
  readonly proof: Proof;
  readonly proven: boolean;
  readonly timings: { readonly fetch: number; readonly restore: number; readonly proof: number };
  readonly notes: readonly string[];
}

/**
 * Restores a backup for real, into an empty database of a server that is named, and proves it there.
 * @throws `target-not-empty`, `roles-missing`, `no-backup`, `not-found`, `busy`; `artifact-damaged`, `restore-failed`,
 *   `source-inconsistent`; what the vault or the server says
 */
export async function restoreInto(request: IntoRequest, deps: DrillDeps): Promise<IntoReport> {
  const { platform, target } = request;
  const { db, clock, vault, signal } = deps;
  const names = platform.databases.map(({ name }) => name);
  const backup = chooseBackup(new BackupCatalog(db).list(), names, { ...request, deep: false });
  using _lock = acquireLock(db, `restore into ${target.database}`);
  const root = statePaths(platform).scratch;
  await destroyLeftovers(root);
  const subject = `${backup.id} into ${target.database} on ${target.host}`;
  return await recordOperation(db, clock, { action: 'restore', actor: request.actor, subject }, async () => {
    const artifact = await findArtifact(vault, backup.id, signal);
    const maintenance = maintenanceDatabase(target.database);
    const server = await openTarget({ ...target, database: maintenance }, signal);
    const place = makePlace(root);
    try {
      const created = await checkTarget(request, artifact, server, maintenance);
      return await fetchAndRestore({
        request,
        deps,
        artifact,
        server,
        maintenance,
        directory: place.directory,
        created,
      });
    } finally {
      server.close();
      await removePlace(place.directory);
    }
  });
}

/** @returns whether the database has to be made */
async function checkTarget(
  { target, roles, intoNonEmpty, selection = {} }: IntoRequest,
  { manifest }: Artifact,
  server: RestoredServer,
  maintenance: string,
): Promise<boolean> {
  const { database } = target;
  const part = selection.schema !== undefined || selection.table !== undefined;
  if (part && selected(manifest.inventory.relations, selection).length === 0) {
    throw fail('not-found', 'the backup has no such table or schema', {
      ...selection,
      next: `the schemas are ${schemasOf(manifest)}; \`psql\` on the source lists the tables`,
    });
  }
  const state = await inspectTarget(server, database, maintenance, manifest.inventory);
  if (state.objects > 0 && !intoNonEmpty) {
    throw fail('target-not-empty', `${database} holds ${state.objects} objects already`, { database });
  }
  if (state.missingRoles.length > 0 && !roles && !part) {
    throw fail('roles-missing', `the server has no role ${state.missingRoles.join(', ')}`, {
      roles: state.missingRoles,
    });
  }
  return !state.exists;
}

const schemasOf = ({ inventory }: Artifact['manifest']): string =>
  [...new Set(inventory.relations.map(({ schema }) => schema))].sort().join(', ');

interface Work {
  readonly request: IntoRequest;
  readonly deps: DrillDeps;
  readonly artifact: Artifact;
  readonly server: RestoredServer;
  readonly maintenance: string;
  readonly directory: string;
  readonly created: boolean;
}

async function fetchAndRestore(work: Work): Promise<IntoReport> {
  const { request, deps, artifact, directory, created } = work;
  const { clock, progress, signal, vault } = deps;
  const { manifest } = artifact;
  const { host, port, database } = request.target;
  const moments = [clock.monotonic()];
  progress.step(`fetching ${formatSize(manifest.dump.bytes)} from the vault`);
  const files = await fetchArtifact(vault, artifact, join(directory, 'archive'), signal);
  // Unlike a drill, this changes something that matters: nothing starts before the archive is known to be ours.
  await checkArchive(files.archive, manifest.dump, signal);
  moments.push(clock.monotonic());
  progress.step(`restoring ${manifest.inventory.database} into ${database}`);
  const failed = await restore(work, files).catch((error: unknown) => {
    throw withAdvice(asSocleError(error), work);
  });
  moments.push(clock.monotonic());
  progress.step(`proving ${database}`);
  const { proof, notes } = await proveThere(work, files);
  moments.push(clock.monotonic());
  const [fetch = 0, restored = 0, proven = 0] = moments.slice(1).map((at, i) => Math.round(at - (moments[i] ?? at)));
  return {
    backup: manifest.id,
    backupAt: manifest.snapshotAt,
    target: { host, port, database, created },
    failed,
    missing: manifest.missing,
    proof,
    // What is not there cannot be proven, whatever the rest is.
    proven: failed.length === 0 && manifest.missing.length === 0 && proof.differencesTotal === 0,
    timings: { fetch, restore: restored, proof: proven },
    notes,
  };
}

/** The failure, with what it left on the server: a database that we made is never dropped behind somebody's back. */
function withAdvice(failure: SocleError, { request, created }: Work): SocleError {
  const { database } = request.target;
  const { schema, table } = request.selection ?? {};
  const left = created
    ? `the database ${database} was made, and holds what came before the error: drop it before you try again. `
    : `what was restored into ${database} before the error is still there. `;
  const outside =
    schema === undefined && table === undefined
      ? ''
      : 'What is restored may refer to something outside of the part chosen: --salvage goes on without it. ';
  const { next = failure.failure.next } = failure.details;
  return fail(failure.code, failure.message, { ...failure.details, next: `${left}${outside}Then: ${next}` }, failure);
}

async function restore(work: Work, { archive, roles }: FetchedArtifact): Promise<RestoreError[]> {
  const { request, deps, artifact, server, maintenance, directory, created } = work;
  const { database } = request.target;
  const { inventory } = artifact.manifest;
  const selection = request.selection ?? {};
  const part = selection.schema !== undefined || selection.table !== undefined;
  if (request.roles) await restoreRoles(server, roles, maintenance, deps.signal);
  const ownName = created && !part && database === inventory.database;
  if (created && !ownName) await makeTarget(server, database, maintenance, inventory);
  if (part && selection.schema !== undefined) await makeSchema(server, database, selection.schema);
  const missing = await missingTablespaces(server, maintenance, inventory.server.tablespaces);
  const failed = await restoreArchive({
    server,
    inventory,
    archive,
    work: directory,
    target: database,
    database: ownName ? maintenance : database,
    create: ownName,
    jobs: request.platform.drill.limits.jobs,
    exitOnError: !request.salvage,
    tablespaces: missing.length === 0,
    selection,
    signal: deps.signal,
  });
  if (created && !ownName && !part) await describeTarget(server, database, inventory);
  return failed;
}

async function makeSchema(server: RestoredServer, database: string, schema: string): Promise<void> {
  const client = await server.connect(database);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`).finally(() => client.end());
}

async function missingTablespaces(
  server: RestoredServer,
  database: string,
  wanted: readonly string[],
): Promise<string[]> {
  const client = await server.connect(database);
  const { rows } = await client
    .query<{ name: string }>('SELECT spcname AS name FROM pg_catalog.pg_tablespace')
    .finally(() => client.end());
  return wanted.filter((name) => !rows.some((row) => row.name === name));
}

/** The proof of a drill, on the target; respelled definitions are told apart on a scratch server where there can be one. */
async function proveThere(work: Work, { archive, roles }: FetchedArtifact): Promise<{ proof: Proof; notes: string[] }> {
  const { request, deps, artifact, server, directory } = work;
  const { manifest } = artifact;
  const selection = request.selection ?? {};
  const workDirectory = join(directory, 'work');
  makeSharedDirectory(workDirectory);
  const notes: string[] = [];
  const scratch =
    selection.schema === undefined && selection.table === undefined
      ? await referenceServer(request.platform, manifest, notes, deps.signal)
      : null;
  try {
    if (scratch) await restoreRolesAsOnSource(scratch, roles, manifest.inventory.server, 'postgres', deps.signal);
    const input = {
      manifest,
      archive,
      restored: { server, database: request.target.database },
      reference: scratch ?? server,
      workDirectory,
      jobs: request.platform.drill.limits.jobs,
      showValues: request.showValues,
      progress: deps.progress,
      signal: deps.signal,
    };
    const part = selection.schema !== undefined || selection.table !== undefined;
    return { proof: part ? await provePart(input, selection) : await prove(input), notes };
  } finally {
    await scratch?.destroy();
  }
}
