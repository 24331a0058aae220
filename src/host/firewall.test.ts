import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Namespace, newNamespace } from '../../test/support/namespaces.ts';
import { parsePlatform } from '../platform/load.ts';
import { planFallback, planFirewall, renderFirewall } from './firewall.ts';

const platform = parsePlatform(
  `name: t
environment: dev
host: {address: 198.51.100.20, port: 2222}
vpn:
  extra_ports: [443]
  peers:
    - {name: a, public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, address: 10.8.0.2, reaches: [b]}
    - {name: b, public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=, address: 10.8.0.3}
firewall: {public: [{port: 80}, {port: 3478, protocol: udp}]}
cluster: {}
`,
  'platform.yaml',
);
const closed = planFirewall(platform, 'vpn');
const open = planFirewall(platform, 'public');

test('the plan says what is public, and who of the VPN reaches whom', () => {
  expect(closed).toMatchObject({ publicSsh: null, hostAddress: '10.8.0.1', extraWireguardPorts: [443] });
  expect(closed.peerPairs).toEqual([{ from: '10.8.0.2', to: '10.8.0.3' }]);
  expect(open.publicSsh).toBe(2222);
  expect(planFallback(platform)).toMatchObject({ publicSsh: 2222, publicPorts: [], extraWireguardPorts: [] });
});

test('the text replaces our own table and touches no other one', () => {
  const text = renderFirewall(closed);
  expect(text.split('\n').slice(0, 3)).toEqual([
    'add table inet socle',
    'delete table inet socle',
    'add table inet socle',
  ]);
  expect(text).not.toMatch(/flush|destroy|iif "/);
  expect(text).toContain('priority -150');
  expect(text).not.toContain('2222');
  expect(renderFirewall(open)).toContain('    tcp dport 2222 accept\n');
});

test('the networks of the cluster are those of the platform file; without one there are none', () => {
  const text = (more: string) =>
    renderFirewall(planFirewall(parsePlatform(`name: t\nenvironment: dev\n${more}`, 'f'), 'vpn'));
  const own = text('cluster: {networks: {pods: 10.100.0.0/16, services: 10.101.0.0/16}}');
  expect(own).toContain('ip daddr { 10.8.0.1, 10.101.0.0/16 } accept');
  expect(own).toContain('ip daddr { 10.8.0.0/24, 10.101.0.0/16, 10.100.0.0/16 } drop');
  expect(own).toContain('iifname { "cni0"');
  expect(own).toContain('ip saddr 10.100.0.0/16 goto pods_out');
  expect(own).toContain('ct original ip daddr 10.101.0.1 ');
  expect(text('')).toContain('ip daddr { 10.8.0.1 } accept');
  expect(text('')).not.toMatch(/10\.4[23]|cni0/);
});

const probe = fileURLToPath(new URL('../../test/support/network-probe.ts', import.meta.url));
const node = (...args: string[]) =>
  [process.execPath, ['--disable-warning=ExperimentalWarning', probe, ...args]] as const;

/**
 * A host with a pod network behind DNAT, as kube-proxy makes it, a neighbour in public, and a peer in a tunnel.
 * public 198.51.100.10, 2001:db8:51::10 | eth0 host wg0 | peer 10.8.0.2; host cni0 | pod 10.42.0.5
 */
describe.skipIf(userInfo().uid !== 0)('in network namespaces (needs root)', () => {
  let spaces: Record<'host' | 'outside' | 'peer' | 'pod', Namespace>;
  const ip = (space: Namespace, ...lines: string[]) =>
    lines.reduce(async (before, line) => {
      await before;
      await space.exec('ip', line.split(' '));
    }, Promise.resolve());
  const load = (text: string) => spaces.host.exec('nft', ['-f', '-'], text);
  const ask = async (from: Namespace, ...targets: string[]): Promise<string[]> =>
    JSON.parse(await from.exec(...node('ask', ...targets)));
  const ready = (space: Namespace, ...args: string[]) => {
    const child = space.keep(...node(...args));
    return new Promise((resolve) => child.stdout?.once('data', resolve));
  };

  beforeAll(async () => {
    const [host, outside, peer, pod] = await Promise.all([1, 2, 3, 4].map(newNamespace));
    spaces = { host, outside, peer, pod } as typeof spaces;
    await ip(
      spaces.host,
      `link add eth0 type veth peer name eth0 netns ${spaces.outside.pid}`,
      `link add wg0 type veth peer name eth0 netns ${spaces.peer.pid}`,
      `link add cni0 type veth peer name eth0 netns ${spaces.pod.pid}`,
      'addr add 198.51.100.20/24 dev eth0',
      'addr add 2001:db8:51::20/64 dev eth0 nodad',
      'addr add 10.42.0.1/24 dev cni0',
      'addr add 10.8.0.1/32 dev lo',
      'link set eth0 up',
      'link set wg0 up',
      'link set cni0 up',
      'route add 10.8.0.0/24 dev wg0 src 10.8.0.1',
    );
    await ip(
      spaces.outside,
      'addr add 198.51.100.10/24 dev eth0',
      'addr add 2001:db8:51::10/64 dev eth0 nodad',
      'link set eth0 up',
      'route add default via 198.51.100.20',
    );
    await ip(
      spaces.peer,
      'addr add 10.8.0.2/24 dev eth0',
      'link set eth0 up',
      'route add 10.43.0.0/16 via 10.8.0.1',
      'route add 198.51.100.0/24 via 10.8.0.1',
      'route add 10.42.0.0/16 via 10.8.0.1',
    );
    await ip(spaces.pod, 'addr add 10.42.0.5/24 dev eth0', 'link set eth0 up', 'route add default via 10.42.0.1');
    await spaces.host.exec('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    await load(`table ip kube {
      chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        tcp dport 30080 dnat to 10.42.0.5:8080
        ip daddr 10.43.0.10 tcp dport 80 dnat to 10.42.0.5:8080
      }
    }`);
    await Promise.all([
      ready(spaces.host, 'listen', 'tcp/80', 'tcp/2222', 'tcp/6443', 'udp/51820', 'udp/3478', 'udp/10250'),
      ready(spaces.pod, 'listen', 'tcp/8080'),
      ready(spaces.outside, 'listen', 'tcp/9000'),
    ]);
  });
  afterAll(() => Promise.all(Object.values(spaces ?? {}).map((space) => space.leave())));

  const everything = [
    ...['80', '2222', '6443', '30080'].flatMap((port) => [`tcp/198.51.100.20/${port}`]),
    ...['80', '2222', '6443'].map((port) => `tcp/2001:db8:51::20/${port}`),
    ...['51820', '443', '3478', '10250'].map((port) => `udp/198.51.100.20/${port}`),
    'udp/2001:db8:51::20/10250',
    'tcp/10.42.0.5/8080',
    'tcp/10.43.0.10/80',
    'tcp/10.8.0.1/6443',
  ];

  test('without our table everything answers in public: the cluster’s ports and its pods too', async () => {
    const answers = await ask(spaces.outside, ...everything);
    expect(answers).toEqual(everything.filter((target) => target !== 'udp/198.51.100.20/443'));
  });

  test('with it the public reaches what is declared, on IPv4 and IPv6, and no port behind DNAT', async () => {
    await load(renderFirewall(closed));
    expect(await ask(spaces.outside, ...everything)).toEqual([
      'tcp/198.51.100.20/80',
      'tcp/2001:db8:51::20/80',
      'udp/198.51.100.20/51820',
      'udp/198.51.100.20/443',
      'udp/198.51.100.20/3478',
    ]);
  });

  test('while SSH is public it answers there, and nothing more does', async () => {
    await load(renderFirewall(open));
    const ssh = everything.filter((target) => target.endsWith('/2222'));
    expect((await ask(spaces.outside, ...everything)).filter((target) => target.startsWith('tcp'))).toEqual([
      'tcp/198.51.100.20/80',
      ssh[0],
      'tcp/2001:db8:51::20/80',
      ssh[1],
    ]);
  });

  test('a peer reaches the host and the services, and neither pods nor the public address', async () => {
    await load(renderFirewall(closed));
    const targets = ['tcp/10.8.0.1/6443', 'tcp/10.43.0.10/80', 'tcp/10.42.0.5/8080', 'tcp/198.51.100.20/6443'];
    expect(await ask(spaces.peer, ...targets)).toEqual(['tcp/10.8.0.1/6443', 'tcp/10.43.0.10/80']);
  });

  test('a connection outlives reloads, also one that closes the port it came by; others’ rules stay', async () => {
    await load(renderFirewall(open));
    const child = spaces.outside.keep('sh', [
      '-c',
      `{ echo one; sleep 2; echo two; sleep 1; } | ${[process.execPath, probe].join(' ')} hold tcp/198.51.100.20/2222`,
    ]);
    let heard = '';
    child.stdout?.on('data', (chunk) => {
      heard += chunk;
      if (heard.includes('one')) void load(renderFirewall(closed)).then(() => load(renderFirewall(closed)));
    });
    await child.ended;
    expect(heard).toContain('two');
    expect(await spaces.host.exec('nft', ['list', 'tables'])).toContain('table ip kube');
  });

  test('the fallback loads too', async () => {
    await load(renderFirewall(planFallback(platform)));
    expect(await ask(spaces.outside, ...everything)).toEqual([
      'tcp/198.51.100.20/2222',
      'tcp/2001:db8:51::20/2222',
      'udp/198.51.100.20/51820',
    ]);
  });
});
