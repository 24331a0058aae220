import { mirror, only } from './domain-options.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { runAsText } from './run-text.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle plan` */
export const verb = define({
  options: { only, mirror, identity, hostKey },
  examples: ['socle plan', 'socle plan --only network --json'],
  about:
    'What `socle up` would change on the host, before anything does. The first time it installs ansible-core there,\n' +
    'which is what looks.',
  async run({ only, mirror, identity, hostKey }, session) {
    const connection = await connect(session, { identity, hostKey });
    const [{ up }, { planK3s }] = await Promise.all([import('../host/up.ts'), import('../cluster/config.ts')]);
    const options = { file: session.file(), only, check: true, actor: session.actor, vpnWait: 0, mirror };
    const { record, sent } = await up(connection, options);
    const { platform } = connection;
    const when = await session.when();
    const overrides = platform.cluster ? planK3s(platform, platform.cluster).overrides : [];
    return {
      data: { record, send: sent, overrides },
      text: () =>
        [
          runAsText(record, when),
          ...(sent.length > 0 ? [`would be sent to the host: ${sent.join(', ')}`] : []),
          ...(overrides.length > 0 ? [`K3s is told by \`cluster.k3s.config\`:\n${overridesAsText(overrides)}`] : []),
        ].join('\n\n'),
    };
  },
});

function overridesAsText(overrides: readonly { key: string; change: string; socle: unknown }[]): string {
  const rows = overrides.map(({ key, change, socle }) => [key, change, socle === null ? '' : JSON.stringify(socle)]);
  return table(['key', 'change', 'Socle would say'], rows);
}
