import { BackupCatalog } from '../backup/catalog.ts';
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
    const backups = new BackupCatalog(await session.state()).list({ database, limit });
    return { data: backups, text: () => backupTable(backups) };
  },
});
