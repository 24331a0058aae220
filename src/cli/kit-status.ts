import { exit } from '../kernel/errors.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { kitStatusOf } from './kit-machine.ts';
import { bad, good } from './paint.ts';
import { pairs } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle kit status` */
export const verb = define({
  options: { identity, hostKey },
  examples: ['socle kit status', 'socle kit status --json'],
  about:
    'Asks the machine that backs up, over SSH where that is a host. The exit code is 3 until a kit for the vaults of the\n' +
    'platform was confirmed.',
  async run(login, session) {
    const status = await kitStatusOf(session, () => connect(session, login));
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
