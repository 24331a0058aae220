import { operatorFiles } from '../platform/operator-files.ts';
import { createKit } from '../recovery/create.ts';
import { identityPath } from '../secrets/identities.ts';
import { identity } from './host-options.ts';
import { required } from './options.ts';
import { warn } from './paint.ts';
import { verb as define } from './verb.ts';

/** `socle kit create` */
export const verb = define({
  options: {
    to: required('--to <directory>', 'new directory for the kit, such as one on a USB stick'),
    identity: { ...identity, description: 'SSH key that logs in, which the page names (default: those of ssh)' },
  },
  examples: ['socle kit create --to /media/usb/atelier-kit'],
  about:
    'Writes what brings you back when the host is gone: a key of its own to each vault and what else restic needs, your\n' +
    'age identity, a spare VPN peer, the names of the SSH keys, and a page that says in plain words how to come back\n' +
    'with restic and PostgreSQL alone. Whoever holds it can read every backup: keep it off the host, and locked away.',
  async run({ to, identity }, session) {
    const [platform, deps] = [await session.platform(), await session.vaultDeps()];
    const { directory, kit, warnings } = await createKit(
      {
        platform,
        actor: session.actor,
        file: session.file(),
        to,
        stateRoot: (await session.paths()).root,
        files: operatorFiles(platform.name),
        ageIdentity: identityPath(undefined),
        sshKey: identity,
      },
      deps,
    );
    const next = [
      ...(kit.peer === null ? [] : [`socle up, which lets the spare peer ${kit.peer} in`]),
      `socle kit confirm --from ${directory}, where the kit will be kept`,
    ];
    return {
      data: { directory, ...kit, warnings, next },
      text: [
        `${directory} is written. Whoever holds it can read every backup.`,
        ...warnings.map((text) => `${warn('warning')}  ${text}`),
        `Next: ${next.join('; then ')}`,
      ].join('\n'),
    };
  },
});
