import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SocleError } from '../kernel/errors.ts';
import { ownFile } from '../kernel/place.ts';
import type { Problem } from './explain.ts';
import { parsePlatform } from './load.ts';

function problems(text: string): Problem[] {
  try {
    parsePlatform(text, 'platform.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof SocleError) || error.code !== 'config-invalid') throw error;
    return error.details.problems as Problem[];
  }
}

const start = 'name: t\nenvironment: dev\n';
const vault = (repository: string) => `${start}backup: {vault: {repository: '${repository}', password: {file: p}}}\n`;
const prod = (repository: string) => vault(repository).replace('dev', 'prod');
const peers = (text: string) => `${start}vpn: {peers: [${text}]}\n`;
const a = '{name: a, public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, address: 10.8.0.2}';
const b = '{name: b, public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=, address: 10.8.0.3}';
const host = (rest: string) => `${start}host: {address: 198.51.100.10}\n${rest}`;
const k3s = (config: string) => host(`cluster: {k3s: {config: {${config}}}}\n`);

/** Every rule of docs/platform.md, by how its sentence begins, with files that break it and the path that is named. */
const broken: Readonly<Record<string, ReadonlyArray<readonly [text: string, path: string]>>> = {
  'Names of `databases` are unique': [
    [
      `${start}databases: [{name: x, connection: {database: x}}, {name: x, connection: {database: y}}]\n`,
      'databases[1].name',
    ],
  ],
  '`drill` needs `backup`': [[`${start}drill: {}\n`, 'drill']],
  'With `environment: prod`': [
    [prod('/srv/vault'), 'backup.vault.repository'],
    [prod('sftp:me@localhost:/srv'), 'backup.vault.repository'],
    [prod('rest:http://127.0.0.1:8000/'), 'backup.vault.repository'],
  ],
  'The address of a vault holds no password': [[vault('rest:https://u:p@v.example/'), 'backup.vault.repository']],
  '`ops.listen.host` is a loopback address': [
    [`${start}ops: {listen: {host: 10.8.0.1}}\n`, 'ops.listen.host'],
    [host('ops: {listen: {host: 10.8.0.2}}\n'), 'ops.listen.host'],
    [host('ops: {state: /var/lib/socle}\n'), 'ops.state'],
    [host('drill: {scratch: /var/lib/socle/}\n'), 'drill.scratch'],
  ],
  'Names, addresses and public keys of `vpn.peers`': [
    [peers(`${a}, ${b.replace('name: b', 'name: a')}`), 'vpn.peers[1].name'],
    [peers(`${a}, ${b.replace('10.8.0.3', '10.8.0.2')}`), 'vpn.peers[1].address'],
    [peers(`${a}, ${a.replace('name: a', 'name: b').replace('0.2', '0.3')}`), 'vpn.peers[1].public_key'],
    [peers(a.replace('10.8.0.2', '10.9.0.2')), 'vpn.peers[0].address'],
    [peers(a.replace('10.8.0.2', '10.8.0.1')), 'vpn.peers[0].address'],
    [peers(a.replace('10.8.0.2', '10.8.0.255')), 'vpn.peers[0].address'],
    [peers(a.replace('}', ', reaches: [c]}')), 'vpn.peers[0].reaches[0]'],
  ],
  '`cluster.k3s.config` holds no secret': [
    [k3s('token: x'), 'cluster.k3s.config.token'],
    [k3s('cluster-cidr: 10.1.0.0/16'), 'cluster.k3s.config.cluster-cidr'],
  ],
  '`cluster.networks.pods`, `cluster.networks.services`': [
    [host('cluster: {networks: {pods: 10.8.0.0/16}}\n'), 'cluster.networks.pods'],
    [host('cluster: {networks: {services: 10.42.0.0/16}}\n'), 'cluster.networks.services'],
    [host('cluster: {networks: {services: 10.43.1.0/16}}\n'), 'cluster.networks.services'],
    [host('cluster: {networks: {pods: 9.9.0.0/16}}\n'), 'cluster.networks.pods'],
    [`${start}vpn: {subnet: 8.8.8.0/24}\n`, 'vpn.subnet'],
    [`${start}vpn: {subnet: 10.8.0.1/24}\n`, 'vpn.subnet'],
    [`${start}vpn: {subnet: 10.8.0.0/08}\n`, 'vpn.subnet'],
    [`${start}vpn: {subnet: 10.8.0.0/32}\n`, 'vpn.subnet'],
    [`${start}vpn: {subnet: 0.0.0.0/0}\n`, 'vpn.subnet'],
    [`${start}vpn: {subnet: 172.31.255.0/15}\n`, 'vpn.subnet'],
    [`${start}vpn: {subnet: fd00::/64}\n`, 'vpn.subnet'],
    [`${start}host: {address: 10.8.0.7}\n`, 'host.address'],
    [host('vpn: {endpoint: "10.8.0.9:51820"}\n'), 'vpn.endpoint'],
    [`${start}host: {address: 10.42.0.7}\ncluster: {}\n`, 'cluster.networks.pods'],
  ],
  '`cluster.k3s.config` does not have `data-dir`': [
    [k3s('data-dir: /x'), 'cluster.k3s.config.data-dir'],
    [k3s('https-listen-port: 7443'), 'cluster.k3s.config.https-listen-port'],
    [k3s('cluster-dns: 10.44.0.10'), 'cluster.k3s.config.cluster-dns'],
    [k3s('cluster-dns: [10.43.0.10, x]'), 'cluster.k3s.config.cluster-dns'],
  ],
  'Two programs of a host have no port in common': [
    [k3s('flannel-backend: wireguard-native'), 'vpn.port'],
    [host('vpn: {port: 8472}\ncluster: {}\n'), 'vpn.port'],
    [host('vpn: {extra_ports: [443, 443]}\n'), 'vpn.extra_ports[1]'],
    [host('vpn: {extra_ports: [51820]}\n'), 'vpn.extra_ports[0]'],
    [`${start}host: {address: h.example, port: 6443}\ncluster: {}\n`, 'host.port'],
    [`${start}host: {address: h.example, port: 10250}\ncluster: {}\n`, 'host.port'],
    [host('ops: {listen: {port: 22}}\n'), 'ops.listen.port'],
    [host('ops: {listen: {port: 6443}}\ncluster: {}\n'), 'ops.listen.port'],
  ],
  '`host.address` is an address or a host name alone': [
    ...[
      '198.51.100.10:2222',
      '999.1.1.1',
      '1.2.3',
      '[2001:db8::1]',
      '::ffff:1.2.3.4',
      'fe80::1',
      '224.0.0.1',
      '0.0.0.0',
      'a..b',
      '-a.example',
      `${'x'.repeat(64)}.example`,
      'a_b',
      '169.254.1.1',
      '010.1.1.1',
      'https://h.example',
      'fe80::1%eth0',
      'x.',
    ].map((address) => [`${start}host: {address: '${address}'}\n`, 'host.address'] as const),
    ...[
      'h.example:99999',
      'h.example:0',
      'h.example:',
      '[2001:db8::1]:70000',
      '[h.example]:1',
      '2001:db8::1:x',
      'h:1:2',
    ].map((endpoint) => [`${start}vpn: {endpoint: '${endpoint}'}\n`, 'vpn.endpoint'] as const),
  ],
  '`host.postgresql` names `majors`': [
    [`${start}host: {address: h.example, postgresql: {source: pgdg}}\n`, 'host.postgresql.source'],
  ],
  '`firewall.public` holds neither': [
    [`${start}firewall: {public: [{port: 51820, protocol: udp}]}\n`, 'firewall.public[0].port'],
    [`${start}firewall: {public: [{port: 22}]}\n`, 'firewall.public[0].port'],
    [host('cluster: {}\nfirewall: {public: [{port: 6443}]}\n'), 'firewall.public[0].port'],
    [host('firewall: {public: [{port: 7410}]}\n'), 'firewall.public[0].port'],
    [`${start}firewall: {public: [{port: 80}, {port: 80, protocol: tcp}]}\n`, 'firewall.public[1]'],
  ],
  'Names of peers have at most 15 characters': [
    [peers(a.replace('name: a', 'name: anne-marie-laptop')), 'vpn.peers[0].name'],
    [`${start.replace('name: t', `name: ${'t'.repeat(42)}`)}`, 'name'],
    [host(`cluster: {node_name: ${'n'.repeat(41)}}\n`), 'cluster.node_name'],
  ],
  'A duration is above zero': [
    [`${start}drill: {rto: 0s}\n${vault('/v').slice(start.length)}`, 'drill.rto'],
    [`${start}drift: {every: 99999999999999d}\n`, 'drift.every'],
    [`${start}drift: {every: 3651d}\n`, 'drift.every'],
    [`${start}drift: {every: -1d}\n`, 'drift.every'],
    [host('cluster: {reserved: {memory: 9999999999999GiB}}\n'), 'cluster.reserved.memory'],
  ],
  'A text has at most 4096 characters': [
    [vault('x'.repeat(5_000)), 'backup.vault.repository'],
    [`${start}ops: {state: "/a\\nb"}\n`, 'ops.state'],
    [`${start}ops: {state: "/a\\tb"}\n`, 'ops.state'],
    [`${start}ops: {state: ~/socle}\n`, 'ops.state'],
    [vault('/v').replace('file: p', 'file: ~/p'), 'backup.vault.password.file'],
  ],
  'The file is one YAML 1.2 document': [
    [`${start}host: {address: *nope}\n`, ''],
    [
      `${start}a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n`,
      '',
    ],
    [`${start}a: &a {b: *a}\n`, ''],
    [`${start}<<: 5\n`, ''],
    [`${start}? {a: 1}\n: x\n`, ''],
    [`${start}vpn: {[a]: x}\n`, ''],
    [`${start}a: ${'['.repeat(20_000)}\n`, ''],
    [`${start}a: ${'- '.repeat(20_000)}x\n`, ''],
    [`${start}a: ${'x'.repeat(10 * 1024 * 1024)}\n`, ''],
    [`${start}---\na: 1\n`, ''],
    [`${start}name: t\n`, ''],
    ['name: t\n\tenvironment: dev\n', ''],
    [`${start}a: "\0"\n`, ''],
    [`${start}timezone: !!binary aGk=\n`, 'timezone'],
    [`${start}databases: {<<: [1]}\n`, ''],
  ],
};

const page = readFileSync(ownFile('docs/platform.md'), 'utf8');
const [, section = ''] = page.split('## Rules between keys\n');
const sentences = (section.split('\n## ')[0] ?? '').split(/^- /m).slice(1);

test.each(sentences.map((sentence) => [sentence.replaceAll(/\s+/g, ' ').trim()]))(
  'the page says, and the code checks: %s',
  (sentence) => {
    const [, examples = []] = Object.entries(broken).find(([beginning]) => sentence.startsWith(beginning)) ?? [];
    if (sentence.startsWith('`firewall.pods`')) return; // rules-pods.ts has a table of its own in load.test.ts
    expect(examples).not.toEqual([]);
    for (const [text, path] of examples) {
      const found = problems(text);
      expect([text.slice(0, 200), found.map((problem) => problem.path)]).toEqual([
        text.slice(0, 200),
        expect.arrayContaining([path]),
      ]);
      for (const { line, column, message } of found) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(message.length).toBeLessThan(400);
      }
    }
  },
);

test.each([
  ['a public IPv6 host', `${start}host: {address: '2001:db8::1'}\n`],
  ['an endpoint in brackets', `${start}vpn: {endpoint: '[2001:db8::1]:443'}\n`],
  ['a bare IPv6 endpoint', `${start}vpn: {endpoint: '2001:db8::1'}\n`],
  ['a name as endpoint', `${start}vpn: {endpoint: 'vpn.example.org:443'}\n`],
  ['a peer of 15 characters', peers(a.replace('name: a', 'name: anne-marie-lapt'))],
  ['shared addresses', `${start}vpn: {subnet: 100.64.0.0/24}\n`],
  ['no jitter', `${start}backup: {jitter: 0s, vault: {repository: /v, password: {file: p}}}\n`],
  ['DNS and UDP on one port', `${start}firewall: {public: [{port: 53}, {port: 53, protocol: udp}]}\n`],
  ['DNS of the cluster', k3s('cluster-dns: 10.43.0.20')],
  ['another backend of flannel', k3s('flannel-backend: host-gw')],
  [
    'anchors that are used',
    `${start}drill: &d {rto: 1h}\nbackup: {vault: {repository: /v, password: &p {file: p}}, copy: {repository: /w, password: *p}}\n`,
  ],
  ['a BOM', `\uFEFF${start}`],
])('%s is valid', (_, text) => {
  expect(problems(text)).toEqual([]);
});
