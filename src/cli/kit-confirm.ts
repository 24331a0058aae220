import { operatorFiles } from '../platform/operator-files.ts';
import { type ConfirmedKit, confirmKit } from '../recovery/confirm.ts';
import { hostKey, identity } from './host-options.ts';
import { kitMachine } from './kit-machine.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle kit confirm` */
export const verb = define({
  options: { from: required('--from <directory>', 'where the kit is'), identity, hostKey },
  examples: ['socle kit confirm --from /media/usb/atelier-kit'],
  about:
    'Opens each vault with nothing but the kit (an empty HOME, no agent, no cache), reads its newest backup, and compares\n' +
    'with the machine that backs up: it has to be the same repository, with the newest backup in it. The other files of\n' +
    'the kit have to fit the platform. Until that was done once, `socle status` warns.',
  async run({ from, ...login }, session) {
    const platform = await session.platform();
    await session.backup();
    const { clock, progress, signal, actor } = session;
    const machine = await kitMachine(session, login);
    const request = { platform, actor, from, files: operatorFiles(platform.name) };
    const confirmed = await confirmKit(request, { machine, db: await session.state(), clock, progress, signal });
    return { data: confirmed, text: () => confirmedText(confirmed) };
  },
});

function confirmedText({ vaults }: ConfirmedKit): string {
  const lines = vaults.map(
    ({ address, repositoryId, backups, newest, onHost }) =>
      `${address}: repository ${repositoryId.slice(0, 8)}, ${backups} backups, read the newest, ${newest}` +
      (onHost ? ' (on the host, and lost with it)' : ''),
  );
  return [...lines, 'The kit is confirmed. Now put it where the host is not.'].join('\n');
}
