import { formatSize } from '../../kernel/units.ts';
import type { DrillReport } from '../schema.ts';
import { html, type Markup, moment, name } from './markup.ts';

/** What a reader should know besides: nothing when there is nothing. */
export function notes(report: DrillReport): Markup | null {
  const all = [...report.notes, ...(report.proof?.notes ?? [])];
  if (all.length === 0) return null;
  return html`<section aria-labelledby="notes"><h2 id="notes">Worth knowing</h2><ul class="notes">${all.map((note) => html`<li>${note}</li>`)}</ul></section>`;
}

/** How the scratch server was fenced in, and the identities of everything. */
export function facts(report: DrillReport): Markup {
  const { scratch, artifact } = report;
  const used = (peak: number | null, limit: number) =>
    peak === null
      ? `at most ${formatSize(limit)} allowed`
      : `${formatSize(peak)} at its peak, of ${formatSize(limit)} allowed`;
  return html`<section aria-labelledby="fence"><h2 id="fence">How the scratch server was fenced in</h2>
<p class="lead">What a backup restores may run code of its own: ${scratch.serverVersion === null ? 'it would have run here' : 'it ran here, on a server that lived no longer than the drill'}.</p>
<dl><dt>Sandbox</dt><dd>${scratch.sandbox}</dd>
<dt>PostgreSQL</dt><dd>${scratch.serverVersion ?? 'not started'}</dd>
<dt>Memory</dt><dd>${used(scratch.peakMemory, scratch.memoryLimit)}</dd>
<dt>Disk</dt><dd>${used(scratch.peakDisk, scratch.diskLimit)}</dd></dl></section>
<section aria-labelledby="identity"><h2 id="identity">What this report is about</h2>
<dl><dt>Platform</dt><dd>${name(report.platform)}</dd><dt>Database</dt><dd>${name(report.database)}</dd>
<dt>Backup</dt><dd>${report.backup}, of ${moment(report.backupAt)}</dd>
<dt>Drill</dt><dd>${report.id}, ${moment(report.startedAt)} to ${moment(report.finishedAt)}</dd>
${artifact.sha256 === '' ? null : html`<dt>SHA-256 of the dump</dt><dd class="hash">${artifact.sha256}</dd>`}
<dt>Verdict, level</dt><dd>${report.verdict}, ${report.level ?? 'none'}</dd></dl></section>`;
}
