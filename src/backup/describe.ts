import { newBackup } from './new-backup.ts';
import type { Backup, Manifest } from './schema.ts';

/** What a manifest says of its backup. */
export function describeBackup(manifest: Manifest, hasDump: boolean, known: Backup | undefined): Backup {
  const base = known ?? newBackup(manifest.id, manifest.database, new Date(manifest.startedAt), false);
  const status = !hasDump ? 'damaged' : manifest.missing.length > 0 ? 'incomplete' : 'good';
  const proven = known?.status === 'damaged' && known.integrity.data?.result === 'fail';
  return {
    ...base,
    timestamp: manifest.snapshotAt,
    startedAt: manifest.startedAt,
    finishedAt: manifest.finishedAt,
    status: proven ? 'damaged' : status,
    size: { logical: manifest.dump.bytes, added: manifest.dump.addedBytes },
    durationMs: manifest.timings.total,
    timings: manifest.timings,
    versions: manifest.versions,
    deep: manifest.fingerprints !== null,
    rows: manifest.counts.reduce((sum, { rows }) => sum + rows, 0),
    tables: manifest.counts.length,
    warnings: manifest.warnings,
    missing: manifest.missing,
    failure: hasDump
      ? proven
        ? base.failure
        : null
      : { code: 'vault-damaged', message: 'its dump is not in the vault' },
  };
}
