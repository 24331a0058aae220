import { releaseBackup } from '../backup/release.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle backup release` */
export const verb = define({
  options: { id: required('<id>', 'id of a backup that is held') },
  examples: ['socle backup release b-20261122t021500z-4f9c1a', 'socle backup release b-20261122t021500z-4f9c1a --json'],
  about:
    'When a table shrinks past its threshold, retention holds the backup before: nothing else may have the rows. Once you\n' +
    'know that they are not needed, retention decides about it again.',
  async run({ id }, { actor, clock, state }) {
    const backup = await releaseBackup({ id, actor }, { db: await state(), clock });
    return { data: backup, text: `${id} is not held any more: retention decides about it at the next prune` };
  },
});
