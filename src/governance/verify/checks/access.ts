import type { Platform } from '../../../platform/schema.ts';
import { privateAddress } from '../../../vpn/addresses.ts';
import { check, fail, pass, passUnless, some, warn } from '../check.ts';
import type { SocketFacts } from '../host/network.ts';
import { publicPorts } from '../outside/ports.ts';
import { foreignTo } from './foreign.ts';

const operatorOf = ({ host }: Platform) => host?.user ?? 'root';

/** Rules that Debian and a provider's image bring. */
const usualRules = (user: string) => [
  'root ALL=(ALL:ALL) ALL',
  '%sudo ALL=(ALL:ALL) ALL',
  `${user} ALL=(ALL) NOPASSWD:ALL`,
  `${user} ALL=(ALL) NOPASSWD: ALL`,
  `${user} ALL=(ALL:ALL) NOPASSWD:ALL`,
  `${user} ALL=(ALL:ALL) NOPASSWD: ALL`,
];

const loopback = /^(127\.|::1$|::ffff:127\.)/;

/** The kernel's ends of flannel's tunnels (VXLAN, wireguard-native). */
const podTunnels = [8472, 51_820, 51_821];

function allowed({ address, port, protocol, program }: SocketFacts, platform: Platform): boolean {
  if (loopback.test(address) || address === privateAddress(platform.vpn)) return true;
  const { host, vpn, firewall, cluster } = platform;
  if (publicPorts(firewall, protocol).includes(port)) return true;
  if (protocol === 'tcp') return port === (host?.port ?? 22) && program === 'sshd';
  // Clients that wait for answers: DHCP.
  if (port === 68 || port === 546) return true;
  if (port === vpn.port) return program === '' || program === 'wireguard-go';
  return cluster !== undefined && podTunnels.includes(port) && program === '';
}

export const accessChecks = [
  check({
    id: 'sockets-private',
    title: 'programs listen on loopback and the private address, and in public only where the platform file says so',
    requirements: ['FR6', 'FR7', 'NFR-3'],
    side: 'inside',
    next: 'let the program listen on 127.0.0.1 or on the private address, or add its port to `firewall.public`',
    looks: ['sockets'],
    judge({ sockets }, { platform }) {
      const wrong = sockets.filter((socket) => !allowed(socket, platform));
      const tell = ({ protocol, address, port, program }: SocketFacts) =>
        `${program || 'the kernel'} listens on ${protocol} ${address}:${port}`;
      return passUnless(wrong.map(tell), `${sockets.length} sockets`);
    },
  }),
  check({
    id: 'vpn-peers',
    title: "WireGuard's peers are those of the platform file",
    requirements: ['FR5', 'NFR-3', 'AM-1'],
    side: 'inside',
    next: 'run `socle up`, which removes whoever is not in the platform file; then see how they came in',
    looks: ['tunnelState'],
    judge({ tunnelState: { peers } }, { platform: { vpn } }) {
      const live = new Map(peers.map(({ publicKey, allowed: networks }) => [publicKey, networks]));
      const known = new Set(vpn.peers.map(({ public_key }) => public_key));
      const wrong = [
        ...peers
          .filter(({ publicKey }) => !known.has(publicKey))
          .map((peer) => `${peer.publicKey} (${peer.allowed}) is not in the platform file`),
        ...vpn.peers.flatMap(({ name, public_key, address }) => {
          const networks = live.get(public_key);
          if (networks === undefined) return [`${name} is missing`];
          return networks === `${address}/32` ? [] : [`${name} may send as ${networks}, not ${address}`];
        }),
      ];
      return passUnless(wrong, some(vpn.peers.map(({ name }) => name)) || 'nobody');
    },
  }),
  check({
    id: 'vpn-port',
    title: 'WireGuard listens on the port of the platform file',
    requirements: ['FR5'],
    side: 'inside',
    next: 'run `socle up`',
    looks: ['tunnelState'],
    judge({ tunnelState: { port } }, { platform: { vpn } }) {
      return port === vpn.port ? pass(`UDP ${port}`) : fail(`UDP ${port}, and the platform file says ${vpn.port}`);
    },
  }),
  check({
    id: 'vpn-handshake',
    title: 'a peer has come through the VPN',
    requirements: ['FR5'],
    side: 'inside',
    next: 'bring the VPN up on a peer: `socle vpn config NAME` gives its file',
    looks: ['tunnelState'],
    judge({ tunnelState: { peers } }, { platform }) {
      const last = peers
        .flatMap(({ lastHandshake }) => lastHandshake ?? [])
        .sort()
        .at(-1);
      if (last !== undefined) return pass(`last handshake ${last}`);
      return (platform.firewall.ssh === 'public' ? warn : fail)('nobody since the tunnel is up');
    },
  }),
  check({
    id: 'accounts-superuser',
    title: 'root is the only account with user id 0',
    requirements: ['AM-2', 'FR4'],
    side: 'inside',
    next: 'remove the account (`userdel`) once you know where it comes from: it may be an intruder’s',
    looks: ['accounts'],
    judge: ({ accounts: { superusers } }) =>
      passUnless(
        superusers.filter((name) => name !== 'root').map((name) => `${name} has user id 0`),
        'root',
      ),
  }),
  check({
    id: 'accounts-passwords',
    title: 'no account is open without a password',
    requirements: ['AM-2', 'FR4'],
    side: 'inside',
    next: 'lock the account: `passwd -l NAME`',
    looks: ['accounts'],
    judge: ({ accounts: { withoutPassword, withPassword } }) =>
      passUnless(
        withoutPassword.map((name) => `${name} has no password`),
        withPassword.length === 0
          ? 'every account is locked: keys only'
          : `a password opens ${withPassword.join(', ')}`,
      ),
  }),
  check({
    id: 'accounts-sudo',
    title: 'nobody but the operator may become root',
    requirements: ['AM-2', 'FR4'],
    side: 'inside',
    next: 'see /etc/sudoers.d and the group sudo on the host; `visudo` and `gpasswd -d NAME sudo` take it back',
    looks: ['accounts', 'foreign'],
    judge({ accounts: { sudoMembers, sudoRules }, foreign }, { platform }) {
      const user = operatorOf(platform);
      const wrong = [
        ...sudoMembers.filter((name) => name !== user).map((name) => `${name} is in the group sudo`),
        ...sudoRules.filter((rule) => !usualRules(user).includes(rule)).map((rule) => `a rule says: ${rule}`),
        ...foreignTo(foreign, 'accounts-sudo'),
      ];
      return passUnless(wrong, `${user}: ${sudoRules.length} rules`);
    },
  }),
  check({
    id: 'accounts-keys',
    title: 'SSH keys open the accounts of root and the operator only, and are known ones',
    requirements: ['AM-1', 'AM-2'],
    side: 'inside',
    next: 'remove the key from the file named; one that is to stay belongs in `host.ssh_keys` of the platform file, with all others',
    looks: ['accounts', 'foreign'],
    judge({ accounts: { keys }, foreign }, { platform }) {
      const strangers = Object.keys(keys).filter((name) => name !== 'root' && name !== operatorOf(platform));
      return passUnless(
        [...strangers.map((name) => `${name} has ${keys[name]} of them`), ...foreignTo(foreign, 'accounts-keys')],
        Object.entries(keys)
          .map(([name, count]) => `${name} ${count}`)
          .join(', '),
      );
    },
  }),
];
