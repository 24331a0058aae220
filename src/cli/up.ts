import { exit, fail } from '../kernel/errors.ts';
import { parseDuration } from '../kernel/units.ts';
import type { Platform } from '../platform/schema.ts';
import { mirror, only } from './domain-options.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { flag, type Spec } from './options.ts';
import { runAsText } from './run-text.ts';
import { verb as define } from './verb.ts';

const vpnWait: Spec<number> = {
  flags: '--vpn-wait <duration>',
  description: 'how long to wait for the VPN before SSH stays open in public (default: 10m)',
  fallback: 600_000,
  parse(text) {
    const value = parseDuration(text);
    if (value === undefined) throw fail('usage', `${text} is not a duration such as 30s or 10m`);
    return value;
  },
};

/** Why SSH was not closed in public, and what to do about it. */
function stillOpenText({ vpn }: Platform, peerFile: string | undefined): string {
  const [peer] = vpn.peers;
  if (!peer) return 'It was not closed, since nobody is in the VPN yet: `socle vpn add NAME`, then `socle up` again.';
  const file = peerFile ?? `the file of \`socle vpn config ${peer.name}\``;
  return `It was not closed, since nobody came through the VPN: bring it up with ${file}, then \`socle up\` again.`;
}

/** `socle up` */
export const verb = define({
  options: {
    only,
    check: flag('--check', 'tell what would change, and change nothing; Ansible is installed where there is none'),
    vpnWait,
    mirror,
    identity,
    hostKey,
  },
  examples: [
    'socle up',
    'socle up --check',
    'socle up --only network --vpn-wait 30s',
    'socle up --only network,orchestration --mirror /media/usb/mirror',
    'socle up --host-key SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDHe3jrLlJQvlVZd2Q',
  ],
  about:
    'Makes the host what the platform file says; a second run changes nothing. Ansible runs on the host itself, in a\n' +
    'unit of its own: a lost connection does not matter to it. A new firewall counts only once the host was reached\n' +
    'behind it; SSH closes in public only after this machine has come through the VPN, else the exit code is 6.\n' +
    'What looks at the host is Ansible: with --check too, a host that has none gets Debian’s ansible-core first.',
  async run({ only, check, vpnWait, mirror, identity, hostKey }, session) {
    const connection = await connect(session, { identity, hostKey });
    const { up } = await import('../host/up.ts');
    const options = { file: session.file(), only, check, actor: session.actor, vpnWait, mirror };
    const result = await up(connection, options);
    const ssh = {
      vpn: '\n\nSSH answers through the VPN only.',
      public: '\n\nSSH answers in public.',
      none: '',
    }[result.ssh ?? 'none'];
    const when = await session.when();
    const api = result.api ? `\nThe daemon answers at ${result.api} (${result.api}/v1/health), through the VPN.` : '';
    const next = result.stillOpen ? `\n${stillOpenText(connection.platform, result.peerFiles[0])}` : '';
    return {
      data: result,
      text: () => `${runAsText(result.record, when)}${ssh}${api}${next}`,
      exit: result.stillOpen ? exit.stillOpen : exit.ok,
    };
  },
});
