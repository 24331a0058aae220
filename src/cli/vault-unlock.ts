import { recordOperation } from '../governance/operations.ts';
import { verb as define } from './verb.ts';

/** `socle vault unlock` */
export const verb = define({
  options: {},
  examples: ['socle vault unlock'],
  about: 'Removes the locks of restic processes that are gone. A lock of a process that runs stays.',
  async run(_, session) {
    const [db, vault] = [await session.state(), await session.vault()];
    const operation = { action: 'vault.unlock', actor: session.actor, subject: vault.address };
    await recordOperation(db, session.clock, operation, () => vault.unlockStale(session.signal));
    return { data: { vault: vault.address, unlocked: true }, text: `stale locks of ${vault.address} are gone` };
  },
});
