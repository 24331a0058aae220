import { exit } from '../kernel/errors.ts';
import { kitStatus } from '../recovery/store.ts';
import { bad, good } from './paint.ts';
import { pairs } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle kit status` */
export const verb = define({
  options: {},
  examples: ['socle kit status', 'socle kit status --json'],
  about: 'What is known on this machine. The exit code is 3 until a kit for the vaults of the platform was confirmed.',
  async run(_, session) {
    const status = kitStatus(await session.state(), await session.platform());
    const when = await session.when();
    const confirmed = status.state === 'confirmed';
    return {
      data: status,
      text: () =>
        pairs([
          ['state', (confirmed ? good : bad)(status.state)],
          ['', status.detail],
          ['kit', status.id],
          ['made', status.createdAt && when(status.createdAt)],
          ['confirmed', status.confirmedAt && when(status.confirmedAt)],
        ]),
      exit: confirmed ? exit.ok : exit.notProven,
    };
  },
});
