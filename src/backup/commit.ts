import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { countRows } from '../database/counts.ts';
import { fingerprintLargeObjects, fingerprintTables } from '../database/fingerprint.ts';
import { newestHeartbeat } from '../database/heartbeat.ts';
import type { Fingerprint, RowCount } from '../database/inventory-schema.ts';
import { findBlindSpots } from '../database/preflight.ts';
import { catalogOids } from '../database/snapshot.ts';
import { describeUnread, unread } from '../database/standby.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { socleVersion } from '../kernel/version.ts';
import type { DatabaseConfig } from '../platform/schema.ts';
import type { BackupCatalog } from './catalog.ts';
import { describeEmptied } from './emptied.ts';
import { IntegrityStore } from './integrity-store.ts';
import { findGaps } from './missing.ts';
import { readBack } from './read-back.ts';
import { type Backup, type Manifest, manifestSchema, rolesPath } from './schema.ts';
import { describeShrunk, findShrunk } from './shrink.ts';
import type { TakenDump } from './take-dump.ts';
import type { Vault } from './vault.ts';
import { resticVersion } from './vault-open.ts';

export interface CommitContext {
  readonly db: DatabaseSync;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  readonly platform: string;
  readonly database: DatabaseConfig;
  readonly catalog: BackupCatalog;
  /** Monotonic time at which the backup began. */
  readonly began: number;
}

/** What SQL says of the snapshot, independent of pg_dump. */
interface SourceFacts {
  readonly counts: RowCount[];
  readonly fingerprints: Fingerprint[] | null;
  readonly heartbeatAt: Date | null;
  readonly blindSpots: string[];
  readonly catalogOids: Record<string, string>;
}

async function askSource(
  { snapshot: { client }, catalogued }: TakenDump,
  deep: boolean,
  without: ReadonlySet<string>,
): Promise<SourceFacts> {
  const relations = catalogued.inventory.relations.filter(({ name }) => !without.has(name));
  // One connection, one query after the other: it holds the locks on the tables, another one might wait for them behind
  // somebody's ALTER TABLE. The server uses several processes for large tables by itself.
  const heartbeatAt = await newestHeartbeat(client);
  const blindSpots = await findBlindSpots(client);
  const oids = await catalogOids(client);
  if (!deep)
    return {
      counts: await countRows(client, relations),
      fingerprints: null,
      heartbeatAt,
      blindSpots,
      catalogOids: oids,
    };
  const tables = await fingerprintTables(client, relations);
  const largeObjects = catalogued.inventory.largeObjects.length > 0 ? [await fingerprintLargeObjects(client)] : [];
  return {
    counts: tables.map(({ name, rows }) => ({ name, rows })),
    fingerprints: [...tables, ...largeObjects],
    heartbeatAt,
    blindSpots,
    catalogOids: oids,
  };
}

/** Reads the dump back, and commits the backup by writing its manifest: only then does it count. */
export async function commitBackup(dump: TakenDump, backup: Backup, context: CommitContext): Promise<Backup> {
  const { vault, clock, progress, catalog, database, signal } = context;
  progress.step(`reading ${database.name} back and counting its rows`);
  const began = clock.monotonic();
  const without = unread(dump.catalogued.relations, dump.snapshot.standby);
  const [contents, stored, source, emptied] = await Promise.all([
    readBack(dump.finished, dump, { vault, tools: dump.tools, progress, signal }),
    dump.finished.stored,
    askSource(dump, backup.deep, without),
    describeEmptied(catalog, vault, signal),
  ]);
  const readBackMs = clock.monotonic() - began;
  await dump.snapshot.close();

  const gaps = findGaps(dump.catalogued, contents, source.catalogOids, source.counts, without);
  const missing = [...gaps.missing, ...source.blindSpots];
  const previous = catalog.list({ database: database.name, status: ['good'], limit: 1 })[0];
  const before = previous ? catalog.counts(previous.id).filter(({ name }) => !without.has(name)) : [];
  const shrunk = previous ? findShrunk(before, source.counts, database.shrink_warning) : [];
  const described = describeUnread(without);
  const warnings = [
    ...dump.warnings,
    ...gaps.warnings,
    ...(described === null ? [] : [described]),
    ...(emptied === null ? [] : [emptied]),
    ...(previous ? shrunk.map((table) => describeShrunk(table, previous.id)) : []),
    ...(database.role_passwords ? [] : ['passwords of roles are not in the backup: logins need new passwords']),
  ];
  const timings = {
    inventory: Math.round(dump.inventoryMs),
    dump: Math.round(dump.dumpMs),
    readBack: Math.round(readBackMs),
    total: Math.round(clock.monotonic() - context.began),
  };
  const versions = {
    socle: socleVersion,
    pgDump: dump.tools.version,
    restic: (await resticVersion()).text,
    server: dump.catalogued.inventory.server.version,
  };
  const manifest: Manifest = {
    format: 'socle-backup/1',
    id: backup.id,
    platform: context.platform,
    database: database.name,
    snapshotAt: dump.snapshot.at.toISOString(),
    startedAt: backup.startedAt,
    finishedAt: clock.now().toISOString(),
    dump: {
      snapshot: stored.snapshot,
      tree: stored.tree,
      path: stored.paths[0] ?? '',
      format: 'pg_dump custom',
      bytes: dump.bytes,
      sha256: dump.sha256,
      addedBytes: stored.addedBytes ?? 0,
    },
    roles: {
      path: rolesPath,
      sha256: createHash('sha256').update(dump.roles).digest('hex'),
      passwords: database.role_passwords,
    },
    versions,
    inventory: {
      ...dump.catalogued.inventory,
      relations: dump.catalogued.inventory.relations.map((relation) =>
        without.has(relation.name) ? { ...relation, unread: true } : relation,
      ),
    },
    counts: source.counts,
    fingerprints: source.fingerprints,
    heartbeatAt: source.heartbeatAt?.toISOString() ?? null,
    missing,
    warnings,
    timings,
  };
  progress.step(`committing the backup of ${database.name}`);
  const record = await vault.putFiles(
    { item: 'manifest', database: database.name, id: backup.id },
    { 'manifest.json': JSON.stringify(manifestSchema.parse(manifest)), 'roles.sql': dump.roles },
    signal,
  );

  const committed: Backup = {
    ...backup,
    timestamp: manifest.snapshotAt,
    finishedAt: clock.now().toISOString(),
    status: missing.length > 0 ? 'incomplete' : 'good',
    size: { logical: dump.bytes, added: manifest.dump.addedBytes },
    durationMs: Math.round(clock.monotonic() - context.began),
    timings: { ...timings, total: Math.round(clock.monotonic() - context.began) },
    versions,
    rows: source.counts.reduce((sum, { rows }) => sum + rows, 0),
    tables: source.counts.length,
    warnings,
    missing,
  };
  // The manifest is written: whatever happens from here on, the backup is good.
  try {
    const kept = new IntegrityStore(context.db);
    kept.saveTree(manifest);
    kept.saveSnapshots(backup.id, [record, stored]);
    catalog.save(committed);
    catalog.saveCounts(backup.id, source.counts);
    if (previous && shrunk.length > 0) {
      const names = shrunk.map(({ name }) => name).join(', ');
      catalog.update(previous.id, ({ retention }) => ({
        retention: { ...retention, held: `last backup before ${names} shrank (${backup.id})` },
      }));
    }
  } catch (error) {
    throw fail(
      'backup-not-noted',
      `the backup ${backup.id} is ${committed.status} and in the vault; it could not be written down here: ${(error as Error).message}`,
      { backup: backup.id, step: 'catalog' },
      error,
    );
  }
  return committed;
}
