import { operatorFiles } from '../platform/operator-files.ts';
import { addPeer } from '../vpn/peers.ts';
import { list, required, text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle vpn add` */
export const verb = define({
  options: {
    name: required('<name>', 'what the peer is called: laptop, phone …'),
    publicKey: text('--public-key <key>', 'of a peer that made its key itself (`wg genkey | tee key | wg pubkey`)'),
    reaches: list('--reaches <name>', 'other peers that it may open connections to'),
  },
  examples: ['socle vpn add laptop', 'socle vpn add phone --public-key xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='],
  about:
    'Writes the peer, with its public key, into the platform file. Without --public-key a pair is made; its private\n' +
    'half goes into a file of mode 0600 below ~/.config/socle. `socle up` then lets the peer in.',
  async run({ name, publicKey, reaches }, session) {
    const platform = await session.platform();
    const { peer, keyFile } = await addPeer(session.file(), operatorFiles(platform.name), {
      name,
      publicKey,
      reaches,
    });
    const where = keyFile ? `\nIts private key is in ${keyFile}.` : '';
    return {
      data: { ...peer, keyFile },
      text: `${name} has ${peer.address} in ${session.file()}.${where}\nNext: socle up; then socle vpn config ${name}`,
    };
  },
});
