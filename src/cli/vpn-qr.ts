import { operatorFiles } from '../platform/operator-files.ts';
import { peerFile } from '../vpn/peers.ts';
import { qrCode } from '../vpn/qr.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle vpn qr` */
export const verb = define({
  options: { name: required('<name>', 'the peer') },
  examples: ['socle vpn qr phone'],
  about: 'The same file as a QR code, for the WireGuard app of a phone (needs Debian’s qrencode). It is a secret.',
  async run({ name }, session) {
    const platform = await session.platform();
    const code = (await qrCode(await peerFile(platform, operatorFiles(platform.name), name))).reveal();
    return { data: { name, code }, text: code };
  },
});
