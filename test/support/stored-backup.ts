import { createHash } from 'node:crypto';
import { newBackup } from '../../src/backup/new-backup.ts';
import type { Backup, Manifest } from '../../src/backup/schema.ts';
import type { Vault } from '../../src/backup/vault.ts';

export interface StoredBackup {
  readonly id: string;
  readonly database: string;
  /** Moment of the snapshot, ISO 8601. */
  readonly at: string;
  readonly data: Buffer;
  readonly missing?: readonly string[];
  readonly counts?: Manifest['counts'];
}

/** Puts a backup into a vault as `socle backup run` leaves it: a dump, and then its manifest. */
export async function storeBackup(vault: Vault, backup: StoredBackup): Promise<Manifest> {
  const { id, database, at, data } = backup;
  const upload = vault.upload({ item: 'dump', database, id, file: `${database}.dump` });
  upload.sink.write(data);
  const dump = await upload.commit();
  const roles = 'CREATE ROLE somebody;\n';
  const manifest: Manifest = {
    format: 'socle-backup/1',
    id,
    platform: 'shop',
    database,
    snapshotAt: at,
    startedAt: at,
    finishedAt: at,
    dump: {
      snapshot: dump.snapshot,
      tree: dump.tree,
      path: `/${database}.dump`,
      format: 'pg_dump custom',
      bytes: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
      addedBytes: dump.addedBytes ?? 0,
    },
    roles: { path: '/roles.sql', sha256: createHash('sha256').update(roles).digest('hex'), passwords: false },
    versions: { socle: '0', pgDump: '0', restic: '0', server: '0' },
    inventory: {
      format: 2,
      server: {
        versionNumber: 150000,
        version: '15.0',
        major: 15,
        superuser: 'postgres',
        encoding: 'UTF8',
        collate: 'C',
        ctype: 'C',
        localeProvider: 'libc',
        icuLocale: null,
        collations: [],
        dataChecksums: false,
        preloadLibraries: [],
        tablespaces: [],
        extensions: [],
        settings: {},
      },
      database,
      bytes: data.length,
      objects: [],
      relations: [],
      largeObjects: [],
    },
    counts: [...(backup.counts ?? [{ name: 'public.t', rows: 1000 }])],
    fingerprints: null,
    heartbeatAt: null,
    missing: [...(backup.missing ?? [])],
    warnings: [],
    timings: { inventory: 1, dump: 1, readBack: 1, total: 3 },
  };
  await vault.putFiles(
    { item: 'manifest', database, id },
    { 'manifest.json': JSON.stringify(manifest), 'roles.sql': roles },
  );
  return manifest;
}

/** A backup as the catalog knows it: good, unproven, and what `overrides` say. */
export function catalogued(id: string, at: string, overrides: Partial<Backup> = {}): Backup {
  return {
    ...newBackup(id, 'orders', new Date(at), false),
    finishedAt: at,
    status: 'good',
    size: { logical: 1, added: 1 },
    durationMs: 1,
    rows: 1,
    tables: 1,
    ...overrides,
  };
}
