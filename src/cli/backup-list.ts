import { backupTable } from './backup-text.ts';
import { text, whole } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle backup list` */
export const verb = define({
  options: {
    database: text('--database <name>', 'only of this database'),
    limit: whole('--limit <count>', 'how many', 30),
  },
  examples: ['socle backup list', 'socle backup list --database shop --json'],
  async run({ database, limit }, session) {
    const backups = (await session.backups()).list({ database, limit });
    const when = await session.when();
    const hasCopy = (await session.platform()).backup?.copy !== undefined;
    return { data: backups, text: () => backupTable(backups, when, hasCopy) };
  },
});
