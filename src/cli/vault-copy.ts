import { copyVault } from '../backup/copy.ts';
import { verb as define } from './verb.ts';

/** `socle vault copy` */
export const verb = define({
  options: {},
  examples: ['socle vault copy', 'socle vault copy --json'],
  about: 'Copies what the second vault (`backup.copy`) lacks. What is there already is not sent again.',
  async run(_, session) {
    const deps = await session.vaultDeps();
    const result = await copyVault({ actor: session.actor }, deps);
    return {
      data: result,
      text: `copied ${result.copied} snapshots to ${result.address}; it holds ${result.backups.length} backups`,
    };
  },
});
