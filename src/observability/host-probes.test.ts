import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parsePlatform } from '../platform/load.ts';
import { type HostFacts, hostProbes, judgeFirewall, judgeKubernetes, judgeVpn } from './host-probes.ts';

const key = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
const platform = parsePlatform(
  `name: t\nenvironment: dev\ncluster: {}\nvpn: {peers: [{name: laptop, public_key: ${key}, address: 10.8.0.2}]}\n`,
  'f',
);
const facts: HostFacts = {
  uptime: 0,
  vpn: { address: true, port: 51_820, peers: [{ publicKey: key, lastHandshake: 1_790_000_000 }] },
  firewall: { confirmed: 'closed', current: true, loaded: true, trial: false },
  kubernetes: {
    nodes: [{ name: 't', version: 'v1.36.4+k3s1', ready: true }],
    deployments: [
      { name: 'coredns', available: 1 },
      { name: 'local-path-provisioner', available: 1 },
    ],
  },
};

test('facts are judged while they are young: two rounds may be missing, a third one is not', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-facts-'));
  try {
    const file = join(directory, 'facts.json');
    const uptime = Number.parseFloat(await readFile('/proc/uptime', 'utf8'));
    const check = async (age: number) => {
      await writeFile(file, JSON.stringify({ ...facts, uptime: uptime - age }));
      const found = hostProbes(platform, file).map(async ({ name, check }) => {
        const { status, detail } = await check(new AbortController().signal);
        return `${name} ${status}: ${detail}`;
      });
      return Promise.all(found);
    };
    expect(await check(60)).toEqual([
      'vpn pass: wg0 answers on UDP 51820 to a peer, of which 1 came since it was made',
      'firewall pass: the confirmed ruleset is loaded unchanged; SSH answers through the VPN only',
      'kubernetes pass: t is Ready (v1.36.4+k3s1), with DNS and volumes',
    ]);
    for (const line of await check(120))
      expect(line).toMatch(/fail: root’s facts are 2 m .*old: see socle-facts\.timer$/);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('when each peer was seen last is data; that it is away is no failure', () => {
  expect(judgeVpn(facts, platform).measured).toEqual({ peers: 1, 'lastHandshake:laptop': 1_790_000_000 });
  const away = { ...facts, vpn: { address: true, port: 51_820, peers: [{ publicKey: key, lastHandshake: null }] } };
  expect(judgeVpn(away, platform)).toMatchObject({ status: 'pass', measured: { peers: 1 } });
  expect(judgeVpn({ ...facts, vpn: { address: false, port: 1, peers: [] } }, platform).status).toBe('fail');
  expect(judgeVpn({ ...facts, vpn: { error: 'Unable to access interface' } }, platform).status).toBe('fail');
});

test.each([
  ['fail', { loaded: false }],
  ['fail', { confirmed: '' }],
  ['warn', { trial: true }],
  ['warn', { current: false }],
])('the firewall is %s with %j', (status, change) => {
  expect(judgeFirewall({ ...facts, firewall: { ...facts.firewall, ...change } as HostFacts['firewall'] }).status).toBe(
    status,
  );
});

test.each([
  ['no cluster', null],
  ['an API that does not answer', { error: 'ConnectionRefusedError' }],
  ['a node that is not Ready', { nodes: [{ name: 't', version: 'v1', ready: false }], deployments: [] }],
  ['no DNS', { nodes: [{ name: 't', version: 'v1', ready: true }], deployments: [{ name: 'coredns', available: 0 }] }],
])('%s is a failure of Kubernetes', (_, kubernetes) => {
  expect(judgeKubernetes({ ...facts, kubernetes }).status).toBe('fail');
});
