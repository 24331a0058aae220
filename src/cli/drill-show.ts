import { renderReportHtml } from '../drill/report-html.ts';
import { DrillStore } from '../drill/store.ts';
import { fail } from '../kernel/errors.ts';
import { replaceFile } from '../kernel/replace-file.ts';
import { drillText } from './drill-text.ts';
import { text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle drill show` */
export const verb = define({
  options: {
    id: text('[id]', 'id of the drill (default: the newest)'),
    database: text('--database <name>', 'the newest of this database'),
    html: text('--html <file>', 'write the report as one self-contained page'),
  },
  examples: [
    'socle drill show',
    'socle drill show d-20261122t053000z-1b2c3d --html report.html',
    'socle drill show --database shop --json',
  ],
  async run({ id, database, html }, session) {
    const store = new DrillStore(await session.state());
    const report = id === undefined ? store.latest(database) : store.get(id);
    if (!report) {
      throw fail('not-found', id === undefined ? 'there was no drill yet' : `there is no drill ${id}`, {
        id: id ?? null,
      });
    }
    const when = await session.when();
    if (html === undefined) return { data: report, text: () => drillText(report, true, when) };
    await replaceFile(html, renderReportHtml(report));
    return { data: { id: report.id, html }, text: `the report of ${report.id} is in ${html}` };
  },
});
