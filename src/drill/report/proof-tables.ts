import { formatSize } from '../../kernel/units.ts';
import type { Difference, Proof, TableProof } from '../schema.ts';
import { count, html, type Markup, name, plural } from './markup.ts';

/** The proof itself: what differs first, then table by table, then every kind of object. */
export function proofSections(proof: Proof | null): Markup {
  if (proof === null) {
    return html`<section aria-labelledby="proof"><h2 id="proof">Proof</h2><p class="lead">There is none: the drill ended before it.</p></section>`;
  }
  return html`${differences(proof)}${tables(proof.tables)}${checks(proof)}${respelled(proof)}`;
}

function differences({ differences: listed, differencesTotal }: Proof): Markup | null {
  if (differencesTotal === 0) return null;
  const values = listed.some((one) => one.expected !== null || one.found !== null);
  const more = differencesTotal > listed.length ? ` The first ${count(listed.length)} are listed.` : '';
  return html`<section aria-labelledby="differences"><h2 id="differences">${plural(differencesTotal, 'difference')}</h2>
<p class="lead">Restored copy against the backup.${more}${values ? '' : ' Values are not shown; a drill run with --show-values lists them.'}</p>
<div class="scroll"><table class="list"><thead><tr><th scope="col">Object</th><th scope="col">Problem</th><th scope="col">Where</th>${values ? html`<th scope="col">Expected</th><th scope="col">Found</th>` : null}</tr></thead>
<tbody>${listed.map((one) => differenceRow(one, values))}</tbody></table></div></section>`;
}

function differenceRow(one: Difference, values: boolean): Markup {
  const where = [
    one.row === null ? null : html`<span class="kind">row</span> ${name(one.row)}`,
    one.column === null ? null : html`<span class="kind">column</span> ${name(one.column)}`,
    one.property === null ? null : html`<span class="kind">${one.property}</span>`,
  ].filter((part) => part !== null);
  return html`<tr><th scope="row">${name(one.object)} <span class="kind">${one.kind}</span></th><td class="no">${one.problem}</td><td>${where.map((part, index) => (index === 0 ? part : html`, ${part}`))}</td>${values ? html`<td class="text">${one.expected}</td><td class="text">${one.found}</td>` : null}</tr>`;
}

const methods: Readonly<Record<TableProof['method'], string>> = {
  stream: 'byte for byte',
  multiset: 'rows in any order',
  none: '–',
};

const differs = (table: TableProof): boolean =>
  table.result === 'different' || table.source === 'different' || table.generated.length > 0;

function tables(all: readonly TableProof[]): Markup {
  const rows = [...all].sort((a, b) => Number(differs(b)) - Number(differs(a)) || (a.name < b.name ? -1 : 1));
  const deep = all.some((table) => table.source !== null);
  return html`<section aria-labelledby="tables"><h2 id="tables">Table by table</h2>
<p class="lead">${deep ? 'Each table against the backup, and against what the source counted and hashed by SQL in the same snapshot.' : 'Each table against the backup. A deep backup also compares with what the source itself counted and hashed.'}</p>
<div class="scroll"><table class="list"><thead><tr><th scope="col">Table</th><th scope="col" class="n">Rows</th><th scope="col" class="n">Size</th><th scope="col">Compared</th><th scope="col">Artifact</th>${deep ? html`<th scope="col">Source</th>` : null}</tr></thead>
<tbody>${rows.map((table) => html`<tr class="${differs(table) ? 'off' : ''}"><th scope="row">${name(table.name)}</th><td class="n">${count(table.rows)}</td><td class="n">${formatSize(table.bytes)}</td><td>${methods[table.method]}</td><td>${result(table.result)}</td>${deep ? html`<td>${againstSource(table)}</td>` : null}</tr>`)}</tbody></table></div></section>`;
}

function againstSource({ source, generated }: TableProof): Markup {
  if (source !== 'identical' || generated.length === 0) return result(source ?? 'not compared');
  return html`<span class="no">✗ generated</span> ${generated.map((column, index) => html`${index === 0 ? '' : ', '}${name(column)}`)}`;
}

function result(value: TableProof['result']): Markup {
  if (value === 'identical') return html`<span class="yes">✓ identical</span>`;
  if (value === 'different') return html`<span class="no">✗ different</span>`;
  return html`<span class="none">not compared</span>`;
}

/** Right below the verdict: what it says nothing about. */
export function notCompared(proof: Proof | null): Markup | null {
  const lines = proof?.notCompared ?? [];
  if (lines.length === 0) return null;
  return html`<section aria-labelledby="uncovered"><h2 id="uncovered">Not compared</h2>
<p class="lead">The verdict says nothing about these.</p>
<dl>${lines.map(({ what, why }) => html`<dt>${what}</dt><dd>${why}</dd>`)}</dl></section>`;
}

function checks(proof: Proof): Markup {
  return html`<section aria-labelledby="checks"><h2 id="checks">Everything else</h2>
<p class="lead">How many of each were compared.</p>
<ul class="checks">${proof.checks.map((check) => html`<li class="${check.differences > 0 ? 'off' : ''}"><span>${check.name}</span><span>${count(check.count)} ${check.differences > 0 ? html`<span class="no">✗ ${plural(check.differences, 'difference')}</span>` : html`<span class="yes" aria-label="no difference">✓</span>`}</span></li>`)}</ul></section>`;
}

function respelled({ respelled: objects }: Proof): Markup | null {
  if (objects.length === 0) return null;
  return html`<details open><summary>${plural(objects.length, 'object')} respelled</summary>
<p>PostgreSQL prints these differently after a correct restore. The backup's schema was rebuilt in an empty database, and there they print the same: no difference.</p>
<ul>${objects.map((one) => html`<li>${name(one.object)} <span class="kind">${one.kind}</span></li>`)}</ul></details>`;
}
