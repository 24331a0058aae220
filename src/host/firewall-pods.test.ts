import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Namespace, newNamespace } from '../../test/support/namespaces.ts';
import { parsePlatform } from '../platform/load.ts';
import { planFallback, planFirewall, renderFirewall } from './firewall.ts';

/** What pods reach. A pod is a namespace on the bridge `cni0`, and Services are what kube-proxy makes of them: DNAT. */

const platform = (firewall: string, cluster = 'cluster: {}') =>
  parsePlatform(
    `name: t
environment: dev
host: {address: 198.51.100.20, port: 2222}
vpn:
  extra_ports: [443]
  peers:
    - {name: a, public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, address: 10.8.0.2}
    - {name: b, public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=, address: 10.8.0.3}
firewall: ${firewall}
${cluster}
`,
    'platform.yaml',
  );
const rules = (firewall: string, ssh: 'vpn' | 'public' = 'vpn') =>
  renderFirewall(planFirewall(platform(firewall), ssh));

describe('the text', () => {
  test('without a cluster there are no pods, and nothing to open to them', () => {
    const text = renderFirewall(planFirewall(platform('{}', ''), 'vpn'));
    expect(text).not.toMatch(/pods/);
    expect(() => platform('{pods: [{port: 5432}]}', '')).toThrow(
      /platform.yaml:9:\d+ firewall.pods: there are no pods without a `cluster` section/,
    );
  });

  test.each([
    ['{to: c, port: 1}', /9:\d+ firewall.pods\[0\].to: there is no peer "c"\n +allowed: host, a, b/],
    ['{to: 10.8.0.2, port: 1}', /this is a peer: say its name\n +allowed: a/],
    ['{to: 192.0.2.1, port: 1}', /pods are not kept from this address/],
    ['{to: fe80::1, port: 1}', /firewall.pods\[0\].to/],
    ['{port: 0}', /firewall.pods\[0\].port/],
    ['{port: 1, protocol: sctp}', /firewall.pods\[0\].protocol.*\n.*tcp/],
    ['{port: 1}, {to: host, port: 1, protocol: tcp}', /firewall.pods\[1\]: firewall.pods\[0\] says the same/],
    ['{ports: 1}', /unknown key `ports`; did you mean `port`/],
  ])('an entry %s is refused', (entry, message) => {
    expect(() => platform(`{pods: [${entry}]}`)).toThrow(message);
  });

  test('the API is the first address of the network of services', () => {
    const own = platform('{}', 'cluster: {networks: {pods: 10.96.0.0/16, services: 10.97.16.0/20}}');
    expect(renderFirewall(planFirewall(own, 'vpn'))).toContain('ct original ip daddr 10.97.16.1 ');
  });
});

const probe = fileURLToPath(new URL('../../test/support/network-probe.ts', import.meta.url));
const node = (...args: string[]) =>
  [process.execPath, ['--disable-warning=ExperimentalWarning', probe, ...args]] as const;

/**
 * outside 198.51.100.10, 169.254.169.254 | eth0 host wg0 | peer 10.8.0.2; host cni0 | pod 10.42.0.5, other pod 10.42.0.6
 */
describe.skipIf(userInfo().uid !== 0)('in network namespaces (needs root)', () => {
  let spaces: Record<'host' | 'outside' | 'peer' | 'pod' | 'other', Namespace>;
  /** Of the host on the bridge: what IPv6 gives every pod, wanted or not. */
  let linkLocal: string;
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
    const [host, outside, peer, pod, other] = await Promise.all([1, 2, 3, 4, 5].map(newNamespace));
    spaces = { host, outside, peer, pod, other } as typeof spaces;
    await ip(
      spaces.host,
      `link add eth0 type veth peer name eth0 netns ${spaces.outside.pid}`,
      `link add wg0 type veth peer name eth0 netns ${spaces.peer.pid}`,
      `link add pod1 type veth peer name eth0 netns ${spaces.pod.pid}`,
      `link add pod2 type veth peer name eth0 netns ${spaces.other.pid}`,
      'link add cni0 type bridge',
      'link set pod1 master cni0 up',
      'link set pod2 master cni0 up',
      'addr add 198.51.100.20/24 dev eth0',
      'addr add 10.42.0.1/24 dev cni0',
      'addr add 10.8.0.1/32 dev lo',
      'link set eth0 up',
      'link set wg0 up',
      'link set cni0 up',
      'addr add fe80::42/64 dev cni0 nodad',
      'route add 10.8.0.0/24 dev wg0 src 10.8.0.1',
      'route add 169.254.169.254/32 dev eth0',
    );
    await ip(
      spaces.outside,
      'addr add 198.51.100.10/24 dev eth0',
      'addr add 169.254.169.254/32 dev eth0',
      'link set eth0 up',
      'route add default via 198.51.100.20',
    );
    await ip(spaces.peer, 'addr add 10.8.0.2/24 dev eth0', 'link set eth0 up', 'route add default via 10.8.0.1');
    for (const [space, address] of [
      [spaces.pod, 5],
      [spaces.other, 6],
    ] as const) {
      await ip(space, `addr add 10.42.0.${address}/24 dev eth0`, 'link set eth0 up');
      await ip(space, `addr add fe80::${address}/64 dev eth0 nodad`, 'route add default via 10.42.0.1');
    }
    linkLocal = 'fe80::42%eth0';
    await spaces.host.exec('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    await load(`table ip kube {
      chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local tcp dport { 30080, 80 } dnat to 10.42.0.6:8080
        ip daddr 10.43.0.1 tcp dport 443 dnat to 10.8.0.1:6443
        ip daddr 10.43.0.10 udp dport 53 dnat to 10.42.0.6:5353
        ip daddr 10.43.0.80 tcp dport 80 dnat to 10.42.0.6:8080
        ip daddr 10.43.0.90 tcp dport 80 dnat to 10.8.0.1:10250
        ip daddr 10.43.0.91 tcp dport 80 dnat to 10.8.0.2:9100
        ip daddr 10.43.0.92 tcp dport 80 dnat to 169.254.169.254:8008
        ip daddr 10.43.0.93 tcp dport 443 dnat to 10.8.0.1:6443
      }
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 10.42.0.0/16 oifname "wg0" masquerade
      }
    }`);
    await Promise.all([
      ready(
        spaces.host,
        'listen',
        'tcp/2222',
        'tcp/6443',
        'tcp/7410',
        'tcp/10250',
        'tcp/5432',
        'udp/51820',
        'udp/3478',
        'udp/7411',
      ),
      ready(spaces.pod, 'listen', 'tcp/8080'),
      ready(spaces.other, 'listen', 'tcp/8080', 'udp/5353'),
      ready(spaces.peer, 'listen', 'tcp/9100', 'udp/9101'),
      ready(spaces.outside, 'listen', 'tcp/9000', 'udp/9001', 'tcp/8008', 'udp/53'),
    ]);
  });
  afterAll(() => Promise.all(Object.values(spaces ?? {}).map((space) => space.leave())));

  const api = 'tcp/10.43.0.1/443';
  const theirs = [
    api,
    'udp/10.43.0.10/53',
    'tcp/10.43.0.80/80',
    'tcp/10.42.0.6/8080',
    'tcp/198.51.100.10/9000',
    'udp/198.51.100.10/9001',
  ];
  /** Every address of the host with every port of it, WireGuard's too; ports that lead back to pods; what Services lead to. */
  const hosts = ['10.8.0.1', '10.42.0.1', '198.51.100.20', 'fe80::42%eth0'];
  const forbidden = [
    ...hosts.flatMap((host) => ['2222', '6443', '7410', '10250', '5432'].map((port) => `tcp/${host}/${port}`)),
    ...hosts.flatMap((host) => ['51820', '3478', '7411'].map((port) => `udp/${host}/${port}`)),
    ...hosts.slice(0, 3).map((host) => `tcp/${host}/30080`),
    'tcp/10.8.0.1/80',
    'tcp/10.42.0.1/80',
    'tcp/10.8.0.2/9100',
    'udp/10.8.0.2/9101',
    'tcp/169.254.169.254/8008',
    'udp/169.254.169.254/53',
    ...[90, 91, 92, 93].map((last) => `tcp/10.43.0.${last}/${last === 93 ? 443 : 80}`),
  ];

  test('without our table a pod is an operator: it reaches all of it', async () => {
    const answers = await ask(spaces.pod, ...theirs, ...forbidden);
    expect(answers).toEqual([...theirs, ...forbidden]);
    expect(linkLocal).toBe(hosts[3]);
  });

  test.each(['closed', 'open', 'fallback'] as const)(
    'behind the ruleset %s it reaches the API, DNS, pods and the public',
    async (which) => {
      const file = '{public: [{port: 3478, protocol: udp}]}';
      if (which === 'fallback') await load(renderFirewall(planFallback(platform(file))));
      else await load(rules(file, which === 'open' ? 'public' : 'vpn'));
      // The public reaches these, and a pod is not less than the public.
      const shown = which === 'fallback' ? [] : ['udp/198.51.100.20/3478'];
      expect(await ask(spaces.pod, ...theirs, ...forbidden)).toEqual([...theirs, ...shown]);
    },
  );

  test('a public port answers a pod on the public address, also where it leads back to a pod; on no other', async () => {
    await load(rules('{public: [{port: 80}, {port: 5432}]}'));
    expect(await ask(spaces.pod, ...hosts.flatMap((host) => [`tcp/${host}/80`, `tcp/${host}/5432`]))).toEqual([
      'tcp/198.51.100.20/80',
      'tcp/198.51.100.20/5432',
    ]);
  });

  test('what the platform file opens answers, and nothing beside it', async () => {
    await load(
      rules(
        '{pods: [{port: 5432}, {port: 7411, protocol: udp}, {to: a, port: 9100}, {to: 169.254.169.254, port: 8008}]}',
      ),
    );
    const opened = (target: string) =>
      /^tcp\/.*\/5432$|^udp\/.*\/7411$/.test(target) ||
      ['tcp/10.8.0.2/9100', 'tcp/10.43.0.91/80', 'tcp/10.43.0.92/80', 'tcp/169.254.169.254/8008'].includes(target);
    expect(await ask(spaces.pod, ...theirs, ...forbidden)).toEqual([...theirs, ...forbidden.filter(opened)]);
  });

  test('who asks from the other side gets answers: peers through Services, and the host', async () => {
    await load(rules('{}'));
    expect(await ask(spaces.peer, 'tcp/10.43.0.80/80', 'tcp/10.8.0.1/7410', api)).toHaveLength(3);
    expect(await ask(spaces.host, 'tcp/10.42.0.5/8080')).toHaveLength(1);
    expect(await ask(spaces.host, 'tcp/10.8.0.2/9100')).toHaveLength(1);
  });

  test('a connection of a peer to a pod outlives a reload', async () => {
    await load(rules('{}'));
    const child = spaces.peer.keep('sh', [
      '-c',
      `{ echo one; sleep 2; echo two; sleep 1; } | ${[process.execPath, probe].join(' ')} hold tcp/10.43.0.80/80`,
    ]);
    let heard = '';
    child.stdout?.on('data', (chunk) => {
      heard += chunk;
      if (heard.includes('one')) void load(rules('{pods: [{port: 1}]}'));
    });
    await child.ended;
    expect(heard).toContain('two');
  });

  test('a pod that gives itself the address of a peer speaks into no connection of that peer', async () => {
    await ip(spaces.pod, 'addr add 10.8.0.2/32 dev lo');
    const talk = async (forged: boolean) => {
      const peer = spaces.peer.exec(...node('talk', '10.8.0.2/40000', 'udp/10.8.0.1/7411', 'mine', '2500'));
      await expect
        .poll(() => spaces.host.exec('conntrack', ['-L', '-p', 'udp', '--sport', '40000']))
        .toContain('dport=7411');
      if (forged) await spaces.pod.exec(...node('talk', '10.8.0.2/40000', 'udp/10.8.0.1/7411', 'forged'));
      return JSON.parse(await peer);
    };
    await spaces.host.exec('nft', ['delete', 'table', 'inet', 'socle']);
    expect(await talk(true)).toEqual(['mine', 'forged']);
    await load(rules('{}'));
    expect(await talk(true)).toEqual(['mine']);
    await ip(spaces.pod, 'addr del 10.8.0.2/32 dev lo');
  });
});
