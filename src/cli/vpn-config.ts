import { basename } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { operatorFiles, writePrivate } from '../platform/operator-files.ts';
import { peerFile } from '../vpn/peers.ts';
import { required, text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle vpn config` */
export const verb = define({
  options: {
    name: required('<name>', 'the peer'),
    output: text('--output <file>', 'write it there (mode 0600) and print nothing of it'),
  },
  examples: ['socle vpn config laptop --output socle.conf', 'socle vpn config phone'],
  about: 'The WireGuard file of a peer. It holds the private key when that was made here.',
  async run({ name, output }, session) {
    if (output !== undefined && !/^[\w=+.-]{1,15}\.conf$/.test(basename(output))) {
      throw fail(
        'usage',
        `${basename(output)}: wg-quick takes NAME.conf, with a NAME of at most 15 letters, digits and _=+.-`,
      );
    }
    const platform = await session.platform();
    const config = (await peerFile(platform, operatorFiles(platform.name), name)).reveal();
    if (output === undefined) return { data: { name, config }, text: config };
    await writePrivate(output, config);
    return { data: { name, file: output }, text: `${output} is written.` };
  },
});
