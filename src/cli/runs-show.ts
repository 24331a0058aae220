import { readRecords, recordNamed } from '../host/records.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { required } from './options.ts';
import { runAsText } from './run-text.ts';
import { verb as define } from './verb.ts';

/** `socle runs show` */
export const verb = define({
  options: { id: required('<id>', 'of a run, or `last`'), identity, hostKey },
  examples: ['socle runs show last', 'socle runs show r-20261122t021500z-4f9c1a --json'],
  async run({ id, ...values }, session) {
    const { target, way, signal } = await connect(session, values);
    const record = recordNamed(await readRecords(target, way, signal), id);
    const when = await session.when();
    return { data: record, text: () => runAsText(record, when) };
  },
});
