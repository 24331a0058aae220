import { runBackup } from '../backup/run.ts';
import { exit } from '../kernel/errors.ts';
import { databaseNamed } from '../platform/databases.ts';
import { backupText } from './backup-text.ts';
import { flag, text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle backup run` */
export const verb = define({
  options: {
    database: text('--database <name>', 'which database (needed when there are several)'),
    deep: flag('--deep', 'also hash every table on the source: proofs can then reach the third level'),
  },
  examples: ['socle backup run --database shop', 'socle backup run --database shop --deep --json'],
  about:
    'Takes one backup: a snapshot of PostgreSQL, an inventory of it, the dump into the vault, read back, and the manifest.\n' +
    'Exit code 0: good; 3: incomplete, and what is missing is named; 9: good, and a step after it failed, which is named.',
  async run({ database, deep }, session) {
    const { progress, signal, clock, actor } = session;
    const platform = await session.platform();
    const { name } = databaseNamed(platform, database);
    const [db, vault] = [await session.state(), await session.vault()];
    const made = await runBackup({ platform, database: name, deep, actor }, { db, vault, clock, progress, signal });
    const backup = (await session.backups()).get(made.id) ?? made;
    const when = await session.when();
    return {
      data: backup,
      text: () => backupText(backup, when),
      exit: backup.status === 'good' ? exit.ok : exit.notProven,
    };
  },
});
