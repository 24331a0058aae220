import { addresses } from './names.ts';

/** Process ids that hold the three network namespaces of a machine. */
export interface Namespaces {
  /** The internet of the machine: a bridge, and the way to the package mirror. */
  readonly wan: number;
  /** Where the operator sits. */
  readonly operator: number;
  /** The machine's own; of a machine that has its network inside itself, the one that its tap is in. */
  readonly host: number;
}

type Command = readonly [string, ...string[]];

/** User-mode NAT of slirp4netns, as its manual gives it. */
const uplink = { device: 'tap0', dns: '10.0.2.3' } as const;

export const nameServer = uplink.dns;

/** What the machine hangs on at the bridge. */
export const machinePort = 'host';

const inside = (pid: number, ...command: string[]): Command => [
  'nsenter',
  `--net=/proc/${pid}/ns/net`,
  '--',
  ...command,
];

function attach(namespaces: Namespaces, pid: number, port: string, address: { v4: string; v6: string }): Command[] {
  const ip = (...args: string[]) => inside(pid, 'ip', ...args);
  return [
    inside(namespaces.wan, 'ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)),
    inside(namespaces.wan, 'ip', 'link', 'set', port, 'master', 'br0', 'up'),
    ip('link', 'set', 'lo', 'up'),
    ip('addr', 'add', `${address.v4}/24`, 'dev', 'eth0'),
    ip('addr', 'add', `${address.v6}/64`, 'dev', 'eth0', 'nodad'),
    ip('link', 'set', 'eth0', 'up'),
    ip('route', 'add', 'default', 'via', addresses.gateway.v4),
    ip('-6', 'route', 'add', 'default', 'via', addresses.gateway.v6),
  ];
}

/** From the machine to the outside: the name server and web ports alone (packages), through user-mode NAT. */
const natRules = `
table inet sandbox {
  chain forward {
    type filter hook forward priority filter; policy accept;
    oifname "${uplink.device}" ip daddr ${uplink.dns} udp dport 53 accept
    oifname "${uplink.device}" ip daddr ${uplink.dns} tcp dport 53 accept
    oifname "${uplink.device}" tcp dport { 80, 443 } accept
    oifname "${uplink.device}" ct state established,related accept
    oifname "${uplink.device}" reject
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "${uplink.device}" masquerade
  }
}
`;

/** Everything that makes the network of one machine, in order. All of it lives in the namespaces and ends with them. */
export function planNetwork(namespaces: Namespaces, port: 'veth' | 'tap'): { commands: Command[]; rules: string } {
  const ip = (...args: string[]) => inside(namespaces.wan, 'ip', ...args);
  return {
    commands: [
      ip('link', 'set', 'lo', 'up'),
      ip('link', 'add', 'br0', 'type', 'bridge'),
      ip('addr', 'add', `${addresses.gateway.v4}/24`, 'dev', 'br0'),
      ip('addr', 'add', `${addresses.gateway.v6}/64`, 'dev', 'br0', 'nodad'),
      ip('link', 'set', 'br0', 'up'),
      inside(namespaces.wan, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'),
      ...attach(namespaces, namespaces.operator, 'operator', addresses.operator),
      ...(port === 'veth'
        ? attach(namespaces, namespaces.host, machinePort, addresses.host)
        : [
            ip('tuntap', 'add', 'dev', machinePort, 'mode', 'tap'),
            ip('link', 'set', machinePort, 'master', 'br0', 'up'),
          ]),
    ],
    rules: natRules,
  };
}

export { inside };
