import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle vpn list` */
export const verb = define({
  options: {},
  examples: ['socle vpn list', 'socle vpn list --json'],
  async run(_, session) {
    const { peers } = (await session.platform()).vpn;
    const rows = peers.map(({ name, address, public_key, reaches }) => [name, address, public_key, reaches.join(', ')]);
    return {
      data: peers,
      text: () =>
        rows.length === 0
          ? 'nobody is in the VPN; `socle vpn add NAME` adds a peer'
          : table(['name', 'address', 'public key', 'reaches'], rows),
    };
  },
});
