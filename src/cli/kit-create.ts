import { operatorFiles } from '../platform/operator-files.ts';
import { createKit } from '../recovery/create.ts';
import { identityPath } from '../secrets/identities.ts';
import { hostKey, identity } from './host-options.ts';
import { kitMachine } from './kit-machine.ts';
import { required } from './options.ts';
import { warn } from './paint.ts';
import { verb as define } from './verb.ts';

/** `socle kit create` */
export const verb = define({
  options: {
    to: required('--to <directory>', 'new directory for the kit, such as one on a USB stick'),
    identity: { ...identity, description: 'SSH key that logs in, which the page names (default: those of ssh)' },
    hostKey,
  },
  examples: ['socle kit create --to /media/usb/atelier-kit'],
  about:
    'Writes what brings you back when the host is gone: a key of its own to each vault and what else restic needs (an SFTP\n' +
    'key, an account), passwords of databases, your age identity, the host’s key in the VPN and a spare peer, and a page\n' +
    'that says in plain words how to come back with restic and PostgreSQL alone. Where a host backs up, the keys are made\n' +
    'there. Everyone who holds the kit can read every backup: keep it off the host, and locked away.',
  async run({ to, identity, hostKey }, session) {
    const platform = await session.platform();
    await session.backup();
    const machine = await kitMachine(session, { identity, hostKey });
    const { clock, progress, signal } = session;
    const deps = { machine, db: await session.state(), clock, progress, signal };
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
        `${directory} is written. Everyone who holds it can read every backup.`,
        ...warnings.map((text) => `${warn('warning')}  ${text}`),
        `Next: ${next.join('; then ')}`,
      ].join('\n'),
    };
  },
});
