import { driftAsText, driftExit } from './drift-text.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { verb as define } from './verb.ts';

/** `socle drift show` */
export const verb = define({
  options: { identity, hostKey },
  examples: ['socle drift show', 'socle drift show --json'],
  about:
    'The newest comparison that the host made by itself, every `drift.every`. Exit code 0: it is as its last run made it;\n' +
    '8: something differs; 3: the comparison is too old, there was none, or it could not look at everything.',
  async run(values, session) {
    const connection = await connect(session, values);
    const { readDrift } = await import('../host/drift.ts');
    const drift = await readDrift(connection, session.clock.now());
    return { data: drift, text: () => driftAsText(drift), exit: driftExit(drift) };
  },
});
