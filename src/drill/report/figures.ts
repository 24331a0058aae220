import { formatDuration, formatSize } from '../../kernel/units.ts';
import type { DrillReport } from '../schema.ts';
import { count, html, type Markup, plural } from './markup.ts';

/** What was measured, each against its target. */
export function figures(report: DrillReport): Markup {
  const { recoveryTime, dataLoss, proof, artifact } = report;
  return html`<section class="figures" aria-label="Measurements">
${recoveryTime ? against('Recovery time', recoveryTime, 'fetch and restore; the proof comes on top') : unmeasured('Recovery time', 'the restore did not end')}
${dataLoss ? against('Data loss', dataLoss, lossText(dataLoss)) : unmeasured('Data loss', 'nothing was restored to measure it by')}
${proof ? figure('Compared', plural(sum(proof.tables.map((table) => table.rows)), 'row'), `in ${plural(proof.tables.length, 'table')}, and ${plural(sum(proof.checks.map((check) => check.count)), 'point')} of the schema`) : unmeasured('Compared', 'there was no proof')}
${figure('Backup', formatSize(artifact.bytes), proof ? `${formatSize(sum(proof.tables.map((table) => table.bytes)))} of rows in it` : 'size of the dump')}
</section>`;
}

type Measure = NonNullable<DrillReport['recoveryTime']>;

function against(title: string, { ms, targetMs, met }: Measure, explanation: string): Markup {
  const share = (ms / targetMs) * 100;
  const shown = share < 0.1 ? 'less than 0.1' : share < 10 ? share.toFixed(1) : count(Math.round(share));
  return html`<div class="figure ${met ? 'good' : 'bad'}"><h3>${title}</h3><p class="value">${formatDuration(ms)}</p>
${meter(ms, targetMs, `${title}: ${formatDuration(ms)} of ${formatDuration(targetMs)}`)}
<p><span class="state">${met ? '✓ within the target' : '✗ target missed'}</span> of ${formatDuration(targetMs)} (${shown} %)</p><p>${explanation}</p></div>`;
}

/** A bar of the value, and a line where the target is. */
function meter(value: number, target: number, label: string): Markup {
  const scale = Math.max(value, target) / 100;
  const width = scale > 0 ? Math.max(value / scale, 0.6) : 0.6;
  const mark = scale > 0 ? target / scale : 100;
  return html`<svg height="12" role="img" aria-label="${label}"><rect class="track" y="3" width="100%" height="6" rx="3" /><rect class="fill" y="3" width="${width.toFixed(2)}%" height="6" rx="3" /><line class="tick" x1="${mark.toFixed(2)}%" x2="${mark.toFixed(2)}%" y1="0" y2="12" /></svg>`;
}

function lossText(loss: NonNullable<DrillReport['dataLoss']>): string {
  const by =
    loss.measuredBy === 'heartbeat'
      ? 'start of the drill minus the newest heartbeat row restored'
      : 'start of the drill minus the snapshot of the backup';
  if (loss.longestGapMs === null) return by;
  const gap = formatDuration(loss.longestGapMs);
  return `${by}; longest gap between good backups in 30 days: ${gap}${loss.longestGapMs > loss.targetMs ? ', more than the target' : ''}`;
}

const figure = (title: string, value: string, explanation: string): Markup =>
  html`<div class="figure"><h3>${title}</h3><p class="value">${value}</p><p>${explanation}</p></div>`;

const unmeasured = (title: string, reason: string): Markup => figure(title, '–', reason);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const stages = [
  ['preflight', 'Preflight', 's1'],
  ['fetch', 'Fetch', 's2'],
  ['restore', 'Restore', 's3'],
  ['proof', 'Proof', 's4'],
] as const;

/** Which part took how long, one after the other and to scale. */
export function timeline({ timings, recoveryTime }: DrillReport): Markup {
  const parts = sum(stages.map(([key]) => timings[key]));
  const scale = Math.max(timings.total, parts, 1) / 100;
  let from = 0;
  const rows = stages.map(([key, label, shade]) => {
    const start = from;
    from += timings[key];
    return html`<tr><th scope="row">${label}</th><td><svg height="16" aria-hidden="true"><rect class="track" y="7.5" width="100%" height="1" /><rect class="${shade}" x="${(start / scale).toFixed(2)}%" y="1" width="${Math.max(timings[key] / scale, timings[key] > 0 ? 0.25 : 0).toFixed(2)}%" height="14" rx="2" /></svg></td><td class="amount">${timings[key] > 0 ? formatDuration(timings[key]) : '–'}</td></tr>`;
  });
  return html`<section aria-labelledby="timeline"><h2 id="timeline">Timeline</h2>
<p class="lead">Recovery time is fetch and restore${recoveryTime ? `: ${formatDuration(recoveryTime.ms)}` : null}.</p>
<table class="timeline"><tbody>${rows}<tr class="sum"><th scope="row">In all</th><td>with the scratch server, which is destroyed at the end</td><td class="amount">${formatDuration(timings.total)}</td></tr></tbody></table></section>`;
}
