import { parseDomains } from '../host/domains.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { text } from './options.ts';
import { runAsText } from './run-text.ts';
import { verb as define } from './verb.ts';

/** `socle plan` */
export const verb = define({
  options: { only: text('--only <domains>', 'provisioning domains, such as network'), identity, hostKey },
  examples: ['socle plan', 'socle plan --only network --json'],
  about:
    'What `socle up` would change on the host, before anything does. The first time it installs ansible-core there,\n' +
    'which is what looks.',
  async run({ only, identity, hostKey }, session) {
    const domains = parseDomains(only);
    const connection = await connect(session, { identity, hostKey });
    const { up } = await import('../host/up.ts');
    const options = { file: session.file(), only: domains, check: true, actor: session.actor, vpnWait: 0 };
    const { record } = await up(connection, options);
    return { data: record, text: () => runAsText(record) };
  },
});
