import { revokePeer } from '../vpn/peers.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle vpn revoke` */
export const verb = define({
  options: { name: required('<name>', 'the peer') },
  examples: ['socle vpn revoke phone'],
  about: 'Takes the peer out of the platform file. It stays in the VPN until the next `socle up`.',
  async run({ name }, session) {
    await revokePeer(session.file(), name);
    return { data: { name, revoked: true }, text: `${name} is out of ${session.file()}.\nNext: socle up` };
  },
});
