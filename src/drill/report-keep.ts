import type { Vault } from '../backup/vault.ts';
import { asSocleError } from '../kernel/errors.ts';
import { renderReportHtml } from './report-html.ts';
import type { DrillReport } from './schema.ts';

/**
 * Keeps the report in the vault, beside the backup. Where that fails, the report says so: its verdict stands.
 * @throws `interrupted`
 */
export async function keepReport(vault: Vault, report: DrillReport, signal?: AbortSignal): Promise<DrillReport> {
  const name = { item: 'report', database: report.database, id: report.id } as const;
  const files = { 'report.json': `${JSON.stringify(report, null, 2)}\n`, 'report.html': renderReportHtml(report) };
  try {
    await vault.putFiles(name, files, signal);
    return report;
  } catch (error) {
    const { code, message } = asSocleError(error);
    if (code === 'interrupted' && !(signal?.reason instanceof Error && signal.reason.name === 'TimeoutError'))
      throw error;
    return { ...report, notes: [...report.notes, `this report could not be kept in the vault: ${message}`] };
  }
}
