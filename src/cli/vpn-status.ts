import { execAsRoot } from '../host/ssh.ts';
import { formatSize } from '../kernel/units.ts';
import { tunnel } from '../vpn/addresses.ts';
import { peerStatus } from '../vpn/status.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle vpn status` */
export const verb = define({
  options: { identity, hostKey },
  examples: ['socle vpn status', 'socle vpn status --json'],
  about: 'The peers as the host sees them: the last handshake, and what went through. The host’s key is not shown.',
  async run(values, session) {
    const { platform, target, way, signal } = await connect(session, values);
    // Without the first line: it holds the host's private key.
    const script = `wg show ${tunnel} dump | sed 1s/.*/-/`;
    const { stdout } = await execAsRoot(target, way, script, { timeout: 30_000, signal });
    const peers = peerStatus(stdout, platform.vpn.peers);
    const when = await session.when();
    const rows = peers.map((peer) => [
      peer.name,
      peer.address,
      peer.lastHandshake === null ? 'never' : when(peer.lastHandshake),
      peer.endpoint ?? '',
      formatSize(peer.receivedBytes),
      formatSize(peer.sentBytes),
    ]);
    const heads = ['name', 'address', 'last handshake', 'from', 'received', 'sent'];
    return { data: peers, text: () => (rows.length === 0 ? 'nobody is in the VPN' : table(heads, rows, [4, 5])) };
  },
});
