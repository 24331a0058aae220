import { driftAsText, driftExit } from './drift-text.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { verb as define } from './verb.ts';

/** `socle drift run` */
export const verb = define({
  options: { identity, hostKey },
  examples: ['socle drift run', 'socle drift run --json'],
  about:
    'Compares the host with what its last run made, files and what runs alike, and changes nothing. Exit code 0: it is\n' +
    'as it was; 8: something differs; 3: not everything could be looked at. `socle plan` compares with the platform file.',
  async run(values, session) {
    const connection = await connect(session, values);
    const { runDrift } = await import('../host/drift.ts');
    const drift = await runDrift(connection, session.actor, session.clock);
    return { data: drift, text: () => driftAsText(drift), exit: driftExit(drift) };
  },
});
