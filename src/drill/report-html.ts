import { facts, notes } from './report/facts.ts';
import { figures, timeline } from './report/figures.ts';
import { html, Markup } from './report/markup.ts';
import { notCompared, proofSections } from './report/proof-tables.ts';
import { style } from './report/style.ts';
import { hero, titleOf } from './report/verdict.ts';
import type { DrillReport } from './schema.ts';

/**
 * The drill report as one HTML page: no script, nothing loaded from anywhere (its own policy forbids both), every value
 * escaped. Reads the same on a screen in light and dark, and on paper.
 */
export function renderReportHtml(report: DrillReport): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${titleOf(report)}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<p class="mark"><span><b>Socle</b> restore drill</span><span>${report.platform} / ${report.database}</span></p>
${hero(report)}
${notCompared(report.proof)}
${figures(report)}
${timeline(report)}
${proofSections(report.proof)}
${notes(report)}
${facts(report)}
<footer>Written by Socle at the end of the drill (${report.format}). The same as JSON: <code>socle drill show ${report.id} --json</code></footer>
</main>
</body>
</html>
`.text;
}
