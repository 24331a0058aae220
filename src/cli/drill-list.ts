import { DrillStore } from '../drill/store.ts';
import { drillTable } from './drill-text.ts';
import { text, whole } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle drill list` */
export const verb = define({
  options: {
    database: text('--database <name>', 'only of this database'),
    limit: whole('--limit <count>', 'how many', 30),
  },
  examples: ['socle drill list', 'socle drill list --database shop --json'],
  async run({ database, limit }, session) {
    const drills = new DrillStore(await session.state()).summaries({ database, limit });
    const when = await session.when();
    return { data: drills, text: () => drillTable(drills, when) };
  },
});
