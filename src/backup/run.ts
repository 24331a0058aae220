import type { DatabaseSync } from 'node:sqlite';
import { explainQuery } from '../database/connect.ts';
import { causeOf } from '../database/snapshot.ts';
import { recordOperation } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { acquireLock } from '../kernel/lock.ts';
import type { Progress } from '../kernel/progress.ts';
import type { DatabaseConfig, Platform } from '../platform/schema.ts';
import { BackupCatalog } from './catalog.ts';
import { commitBackup } from './commit.ts';
import { markInterrupted, markLeftovers } from './leftovers.ts';
import { newBackup } from './new-backup.ts';
import type { Backup } from './schema.ts';
import { takeDump } from './take-dump.ts';
import type { Vault } from './vault.ts';

export interface BackupRequest {
  readonly platform: Platform;
  /** Socle's name of the database. */
  readonly database: string;
  /** Hash every table on the source as well: proofs of this backup can reach the third level. */
  readonly deep: boolean;
  /** `cli:<user>` or `scheduler`. */
  readonly actor: string;
}

export interface BackupDeps {
  readonly db: DatabaseSync;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

function configOf({ platform, database }: BackupRequest): DatabaseConfig {
  const config = platform.databases.find(({ name }) => name === database);
  if (config) return config;
  const names = platform.databases.map(({ name }) => name);
  throw fail('not-found', `platform.yaml has no database ${database} (it has ${names.join(', ') || 'none'})`, {
    next: 'use one of the names under `databases`',
  });
}

const needsLook = (catalog: BackupCatalog) => catalog.list({ limit: 1 })[0]?.status !== 'good';

async function lookAround(catalog: BackupCatalog, vault: Vault, signal: AbortSignal | undefined): Promise<void> {
  await vault.unlockStale(signal);
  await markLeftovers(catalog, vault, signal);
}

/**
 * Backs up one database. The backup it returns is `good`, or `incomplete` when the archive lacks something that the
 * database has, which `missing` names; any other outcome throws, and the catalog says `failed`.
 * @throws `busy` when this database is being backed up; `database-…`, `dump-failed`, `read-back-differs`, `vault-…`,
 *   `tool-missing`, `interrupted`
 */
export async function runBackup(request: BackupRequest, deps: BackupDeps): Promise<Backup> {
  const config = configOf(request);
  const { db, clock, vault, signal } = deps;
  using _lock = acquireLock(db, `backup of ${config.name}`);
  const interrupted = markInterrupted(db, clock);
  const catalog = new BackupCatalog(db);
  // Asking the vault costs a second or two: only where a crash can have left something, or nothing is known yet.
  const looks = interrupted.length > 0 || needsLook(catalog);
  return await recordOperation(
    db,
    clock,
    { action: 'backup.run', actor: request.actor, subject: config.name },
    async () => {
      const startedAt = clock.now();
      const began = clock.monotonic();
      const backup = newBackup(newId('b', startedAt), config.name, startedAt, request.deep);
      catalog.save(backup);
      let stored = false;
      // Beside the dump, which waits for stale locks by itself, and is `running` to whoever looks.
      const looked = looks ? lookAround(catalog, vault, signal) : Promise.resolve();
      looked.catch(() => {});
      try {
        const dump = await takeDump({ ...deps, database: config, id: backup.id });
        stored = true;
        try {
          await looked;
          return await commitBackup(dump, backup, {
            ...deps,
            platform: request.platform.name,
            database: config,
            catalog,
            began,
          });
        } catch (error) {
          throw causeOf(dump.snapshot, error);
        } finally {
          await dump.snapshot.close();
        }
      } catch (error) {
        await looked.catch(() => {});
        const reason = signal?.aborted
          ? fail('interrupted', 'the backup was interrupted', {}, error)
          : asSocleError(explainQuery(config.connection, error));
        // Left as `running`: the next run, or a reindex, finds its manifest.
        if (reason.code === 'backup-not-noted') throw reason;
        catalog.save({
          ...backup,
          // Its dump may be in the vault; without a manifest it never counts.
          status: stored ? 'incomplete' : 'failed',
          finishedAt: clock.now().toISOString(),
          durationMs: Math.round(clock.monotonic() - began),
          failure: { code: reason.code, message: reason.message },
        });
        throw reason;
      }
    },
  );
}
