import { type DrillReport, type Level, levels, type Verdict } from '../schema.ts';
import { html, type Markup, moment, name, plural } from './markup.ts';

/** Which colour a report speaks in; never the only sign: each comes with a word and a shape. */
export type Tone = 'good' | 'bad' | 'unknown';

const verdicts: Readonly<Record<Verdict, { tone: Tone; word: string; sentence: string }>> = {
  proven: { tone: 'good', word: 'Proven', sentence: 'came back, and it is' },
  mismatch: { tone: 'bad', word: 'Mismatch', sentence: 'came back, but not as it was' },
  'artifact-damaged': { tone: 'bad', word: 'Backup damaged', sentence: 'did not come back: the backup is damaged' },
  'source-inconsistent': {
    tone: 'bad',
    word: 'Source inconsistent',
    sentence: 'did not come back: the source contradicts its own constraints',
  },
  'not-tested': {
    tone: 'unknown',
    word: 'Not tested',
    sentence: 'could not be tested, which says nothing about the backup',
  },
};

const levelNames: Readonly<Record<Level, { title: string; meaning: string }>> = {
  restored: { title: 'Restored', meaning: 'PostgreSQL took the whole backup without an error' },
  'identical-to-artifact': {
    title: 'Identical to the artifact',
    meaning: 'every row and object is what the backup holds',
  },
  'identical-to-source': {
    title: 'Identical to the source',
    meaning: 'every row is what the source counted and hashed itself',
  },
};

const glyphs: Readonly<Record<Tone, Markup>> = {
  good: html`<path d="M6.5 12.5l3.6 3.6 7.4-8" />`,
  bad: html`<path d="M8 8l8 8M16 8l-8 8" />`,
  unknown: html`<path d="M9.3 9.6a2.8 2.8 0 1 1 4 2.6c-.8.4-1.3 1-1.3 1.9v.3M12 17.2v.1" />`,
};

/** The title of the page, for the tab and for search. */
export const titleOf = (report: DrillReport): string =>
  `${verdicts[report.verdict].word}: ${report.database}, drill ${report.id}`;

/** Verdict, level reached, and what failed with what to do next. */
export function hero(report: DrillReport): Markup {
  const { tone, word, sentence } = verdicts[report.verdict];
  const level = report.verdict === 'proven' && report.level ? ` ${levelNames[report.level].title.toLowerCase()}` : '';
  return html`<header class="hero ${tone}">
<p class="verdict"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><circle cx="12" cy="12" r="10" />${glyphs[tone]}</svg>${word}</p>
<h1>${name(report.database)} ${sentence}${level}</h1>
<p class="lead">The backup of ${moment(report.backupAt)} was ${report.recoveryTime ? '' : 'to be '}restored onto an empty server on ${moment(report.startedAt)}.</p>
${ladder(report)}
${failure(report)}
</header>`;
}

function ladder(report: DrillReport): Markup {
  const reached = report.level === null ? -1 : levels.indexOf(report.level);
  return html`<ol class="ladder" aria-label="Levels of proof">${levels.map((level, index) => {
    const state = index <= reached ? 'reached' : 'not reached';
    return html`<li class="${index <= reached ? 'reached' : ''}"><b>${index <= reached ? '✓ ' : ''}${levelNames[level].title}</b>${index <= reached ? levelNames[level].meaning : state}</li>`;
  })}</ol>`;
}

function failure(report: DrillReport): Markup | null {
  if (report.failure === null) return null;
  const total = report.proof?.differencesTotal ?? 0;
  return html`<div class="callout" role="status"><p><b>${report.failure.message}</b> <span class="kind">(${report.failure.code}${total > 0 ? `, ${plural(total, 'difference')}` : ''})</span></p><p>What to do: ${report.failure.next}</p>${report.failure.output === undefined ? null : html`<pre>${report.failure.output.split('\n').map((line) => html`${line}<br>`)}</pre>`}</div>`;
}
