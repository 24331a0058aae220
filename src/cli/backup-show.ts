import { fail } from '../kernel/errors.ts';
import { backupText } from './backup-text.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle backup show` */
export const verb = define({
  options: { id: required('<id>', 'id of the backup') },
  examples: ['socle backup show b-20261122t021500z-4f9c1a', 'socle backup show b-20261122t021500z-4f9c1a --json'],
  async run({ id }, session) {
    const backup = (await session.backups()).get(id);
    if (!backup) throw fail('not-found', `there is no backup ${id} in the catalog`, { id });
    const when = await session.when();
    return { data: backup, text: () => backupText(backup, when) };
  },
});
