import { clientTools, type PostgresTools } from '../database/client-tools.ts';
import { connect } from '../database/connect.ts';
import { dumpRoles, type RunningDump, startDump } from '../database/dump.ts';
import { type Catalogued, readCatalog } from '../database/inventory.ts';
import { requireOneServer, requireSameServer } from '../database/one-server.ts';
import { requireReadable } from '../database/preflight.ts';
import { versionNumber } from '../database/session.ts';
import { shareLargeObjects } from '../database/share.ts';
import {
  causeOf,
  changedDefinitions,
  definitionVersions,
  lockTables,
  openSnapshot,
  type SourceSnapshot,
} from '../database/snapshot.ts';
import type { Clock } from '../kernel/clock.ts';
import { openPipe } from '../kernel/pipe.ts';
import type { Progress } from '../kernel/progress.ts';
import type { DatabaseConfig } from '../platform/schema.ts';
import { type Pumped, pump } from './stream.ts';
import type { Finished, Upload, Vault } from './vault.ts';

/** A dump in the vault, and the moment it was taken at, which is still open: its caller closes it. */
export interface TakenDump extends Pumped {
  readonly snapshot: SourceSnapshot;
  readonly catalogued: Catalogued;
  readonly tools: PostgresTools;
  readonly roles: string;
  readonly finished: Finished;
  readonly warnings: readonly string[];
  /** Milliseconds. */
  readonly inventoryMs: number;
  readonly dumpMs: number;
}

export interface DumpContext {
  readonly database: DatabaseConfig;
  /** Backup id. */
  readonly id: string;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** The definitions changed between the snapshot and the moment at which pg_dump had read them. */
class ChangedMeanwhile extends Error {
  readonly catalogs: readonly string[];

  constructor(catalogs: readonly string[], cause?: unknown) {
    super('definitions changed', { cause });
    this.catalogs = catalogs;
  }
}

/** A schema under change is waited out this often; then the dump is taken as it is, with a warning. */
const attempts = 4;

/** Takes a snapshot, the inventory in it, and streams its dump into the vault. */
export async function takeDump(context: DumpContext): Promise<TakenDump> {
  for (let attempt = 1; ; attempt += 1) {
    const changed: string[] = [];
    try {
      return await attemptDump(context, (catalogs, cause) => {
        if (attempt < attempts) throw new ChangedMeanwhile(catalogs, cause);
        changed.push(...catalogs);
        if (cause !== undefined) throw cause;
      });
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) throw error;
      context.progress.note(`the schema changed while the dump began (${error.catalogs.join(', ')}): starting again`);
    }
  }
}

/** Prepares the role's rights, which the read-only snapshot cannot. Returns the tools for this server. */
async function prepare({ database, signal }: DumpContext): Promise<PostgresTools> {
  const client = await connect(database.connection, signal);
  try {
    const tools = await clientTools(Math.floor((await versionNumber(client)) / 10_000));
    await requireOneServer(database.connection, client, signal);
    await shareLargeObjects(client);
    await requireReadable(client, database);
    return tools;
  } finally {
    await client.end();
  }
}

async function attemptDump(
  context: DumpContext,
  onChange: (catalogs: readonly string[], cause?: unknown) => void,
): Promise<TakenDump> {
  const { database, clock, progress, signal } = context;
  progress.step(`reading the catalog of ${database.name}`);
  const began = clock.monotonic();
  const tools = await prepare(context);
  const snapshot = await openSnapshot(database.connection, signal);
  try {
    const versions = await definitionVersions(snapshot.client, database.role_passwords);
    /** Compares with what is true now, on a connection of its own. */
    const compare = async (cause?: unknown) => {
      const changed = await changedSince(versions, snapshot, database, signal).catch((error: unknown) => {
        // Something else went wrong already: that is what is to be said.
        if (cause === undefined) throw error;
        return [];
      });
      if (changed.length > 0) onChange(changed, cause);
      return changed;
    };
    try {
      await lockTables(snapshot, database.lock_timeout);
    } catch (error) {
      // A table that the snapshot sees and that is gone.
      if ((error as { code?: string }).code === '42P01') await compare(error);
      throw error;
    }
    const catalogued = await readCatalog(snapshot.client, { passwords: database.role_passwords });
    const roleNames = catalogued.inventory.objects.filter(({ kind }) => kind === 'role').map(({ name }) => name);
    const roles = await dumpRoles(tools, database, roleNames, signal);
    const inventoryMs = clock.monotonic() - began;
    const dumped = await stream(context, tools, snapshot, compare);
    return { ...dumped, snapshot, catalogued, tools, roles, inventoryMs };
  } catch (error) {
    await snapshot.close();
    throw error instanceof ChangedMeanwhile || signal?.aborted ? error : causeOf(snapshot, error);
  }
}

async function changedSince(
  versions: Record<string, string>,
  snapshot: SourceSnapshot,
  { connection, role_passwords: passwords }: DatabaseConfig,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const fresh = await connect(connection, signal);
  try {
    requireSameServer(connection, snapshot.client, fresh);
    return changedDefinitions(versions, await definitionVersions(fresh, passwords));
  } finally {
    await fresh.end().catch(() => {});
  }
}

async function stream(
  { database, id, vault, clock, progress, signal }: DumpContext,
  tools: PostgresTools,
  snapshot: SourceSnapshot,
  compare: (cause?: unknown) => Promise<readonly string[]>,
) {
  progress.step(`dumping ${database.name} into the vault`);
  const began = clock.monotonic();
  const name = { item: 'dump', database: database.name, id, file: `${database.name}.dump` } as const;
  const upload: Upload = vault.upload(name, signal);
  const pipe = await openPipe();
  let dump: RunningDump | undefined;
  // The first bytes of an archive are its table of contents: once they come, pg_dump has read all definitions.
  let checked: Promise<readonly string[]> | undefined;
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
  stopped.catch(() => {});
  try {
    dump = await startDump(tools, database, snapshot.name, pipe.input, signal);
    pipe.started();
    const pumping = pump(pipe, upload.sink, (bytes) => {
      if (!checked) {
        checked = compare();
        checked.catch(stop);
      }
      progress.update(bytes, undefined, 'bytes');
    });
    const pumped = await Promise.race([pumping, stopped]);
    const warnings = [
      ...(await dump.done),
      ...((await checked) ?? []).map((catalog) => `${catalog} changed while the dump began: it may have newer forms`),
    ];
    const durable = upload.durable.then(() => clock.monotonic() - began);
    const finished = await upload.finish();
    return { ...pumped, finished, warnings, dumpMs: await durable };
  } catch (error) {
    dump?.process.kill('SIGTERM');
    pipe.close();
    await upload.abort();
    await dump?.done.catch(() => {});
    if (!checked && !signal?.aborted) await compare(error);
    throw error;
  } finally {
    pipe.close();
  }
}
