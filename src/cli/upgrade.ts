import { connect, hostKey, identity } from './host-options.ts';
import { verb as define } from './verb.ts';

/** `socle upgrade` */
export const verb = define({
  options: { identity, hostKey },
  examples: ['socle upgrade'],
  about:
    'Brings the daemon of the host to the release of this Socle. Its state is copied before; when the new daemon does\n' +
    'not come to answer, release and state from before come back, and the exit code is 4. `socle up` does the same.',
  async run({ identity, hostKey }, session) {
    const connection = await connect(session, { identity, hostKey });
    const { upgrade } = await import('../host/upgrade.ts');
    const result = await upgrade(connection, { file: session.file(), actor: session.actor });
    const { from, to } = result;
    return {
      data: result,
      text: from === to ? `The host has ${to} already, and it runs.` : `${from} -> ${to}: the daemon answers.`,
    };
  },
});
