import { text } from 'node:stream/consumers';
import { BackupCatalog } from '../backup/catalog.ts';
import type { VaultDeps } from '../backup/deps.ts';
import { asSocleError } from '../kernel/errors.ts';
import { changeOfBackup } from './report.ts';
import { type DrillReport, drillReportSchema } from './schema.ts';
import { DrillStore } from './store.ts';

/**
 * Reads the drill reports that the vault keeps, oldest first, and what they say of their backups: on another machine,
 * and after `reindex` of the backups. Reports that cannot be read are skipped and named.
 * @throws `vault-…` when the vault cannot be looked at
 */
export async function reindexDrills({ db, vault, progress, signal }: VaultDeps): Promise<{
  readonly drills: number;
  readonly warnings: readonly string[];
}> {
  const store = new DrillStore(db);
  const catalog = new BackupCatalog(db);
  const stored = (await vault.list(signal)).filter(({ item }) => item === 'report');
  const warnings: string[] = [];
  const reports: DrillReport[] = [];
  progress.step(`reading ${stored.length} drill reports`);
  for (const [index, { id, snapshot }] of stored.entries()) {
    progress.update(index, stored.length, 'items');
    const json = await text(vault.read(snapshot, '/report.json', signal)).catch((error: unknown) => {
      const { code, message } = asSocleError(error);
      if (code !== 'vault-damaged' && code !== 'not-found') throw error;
      warnings.push(`the report of ${id} cannot be read: ${message}`);
      return null;
    });
    if (json === null) continue;
    const report = drillReportSchema.safeParse(parse(json));
    if (report.success) reports.push(report.data);
    else warnings.push(`the report of ${id} is not one that this version reads`);
  }
  for (const report of reports.sort((a, b) => a.finishedAt.localeCompare(b.finishedAt))) {
    store.save(report);
    catalog.update(report.backup, (backup) => changeOfBackup(backup, report));
  }
  return { drills: reports.length, warnings };
}

/** Undefined for what is not JSON: no report is. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
