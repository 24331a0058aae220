import { expect, test } from 'vitest';
import { run } from '../kernel/process.ts';
import { Secret } from '../kernel/secret.ts';
import { parsePlatform } from '../platform/load.ts';
import { freeAddress, privateAddress } from './addresses.ts';
import { clientConfig, endpointOf, serverConfig } from './config.ts';
import { withoutPeer, withPeer } from './edit-peers.ts';
import { newWireguardKeys, publicKeyOf } from './keys.ts';
import { qrCode } from './qr.ts';
import { peerStatus } from './status.ts';

const installed = async (tool: string) =>
  (await run('sh', ['-c', `command -v ${tool}`], { accept: [0, 127] })).exitCode === 0;
const keyA = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
const keyB = 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=';
const text = `# my platform
name: t
environment: dev
host: {address: 2001:db8::1} # the machine
vpn:
  peers:
    # at home
    - name: a
      public_key: ${keyA}
      address: 10.8.0.2
`;
const peerB = { name: 'b', public_key: keyB, address: '10.8.0.3', reaches: ['a'] };
const parse = (yaml: string) => parsePlatform(yaml, 'platform.yaml');

test('keys are those of `wg`', async ({ skip }) => {
  const { privateKey, publicKey } = newWireguardKeys();
  expect(publicKeyOf(privateKey)).toBe(publicKey);
  expect(JSON.stringify(privateKey)).toBe('"[secret]"');
  expect(() => publicKeyOf(new Secret('short'))).toThrow(/44 characters/);
  skip(!(await installed('wg')), 'wireguard-tools is not installed');
  expect((await run('wg', ['pubkey'], { input: privateKey.reveal() })).stdout).toBe(publicKey);
});

test('addresses: the host has the first one, a new peer the lowest that is free', () => {
  const { vpn } = parse(text);
  expect(privateAddress(vpn)).toBe('10.8.0.1');
  expect(freeAddress(vpn)).toBe('10.8.0.3');
  expect(freeAddress(parse(`${text}  subnet: 10.8.0.0/29\n`).vpn)).toBe('10.8.0.3');
  const full = { subnet: '10.8.0.0/29', peers: [2, 3, 4, 5, 6].map((n) => ({ ...peerB, address: `10.8.0.${n}` })) };
  expect(freeAddress(full)).toBeUndefined();
});

test('a peer is added and revoked without touching the rest of the file', () => {
  const more = withPeer(text, 'platform.yaml', peerB);
  expect(more).toContain('# my platform');
  expect(more).toContain('# at home');
  expect(parse(more).vpn.peers[1]).toEqual(peerB);
  expect(parse(withPeer('name: t\nenvironment: dev\n', 'f', { ...peerB, reaches: [] })).vpn.peers).toHaveLength(1);
  const less = withoutPeer(more, 'platform.yaml', 'a');
  expect(parse(less).vpn.peers).toEqual([{ ...peerB, reaches: [] }]);
  expect(() => withPeer(more, 'f', peerB)).toThrow(/same name/);
  expect(() => withoutPeer(text, 'f', 'x')).toThrow(/no peer x \(it has a\)/);
});

test('the host’s side has public keys only', () => {
  expect(serverConfig(parse(text))).toBe(
    `[Interface]\nListenPort = 51820\n\n# a\n[Peer]\nPublicKey = ${keyA}\nAllowedIPs = 10.8.0.2/32\n`,
  );
});

test.each([
  ['', '[2001:db8::1]:51820'],
  ['  endpoint: vpn.example.net\n', 'vpn.example.net:51820'],
  ['  endpoint: vpn.example.net:443\n', 'vpn.example.net:443'],
  ['  endpoint: "[2001:db8::2]:443"\n', '[2001:db8::2]:443'],
  ['  port: 4500\n', '[2001:db8::1]:4500'],
])('the endpoint with %j is %s', (extra, expected) => {
  expect(endpointOf(parse(`${text}${extra}`))).toBe(expected);
});

test('a client file routes the VPN and the services, and prints its key only when asked', async () => {
  const platform = parse(`${text}cluster: {networks: {services: 10.101.0.0/16}}\n`);
  const [peer] = platform.vpn.peers;
  if (!peer) throw new Error('no peer');
  const file = clientConfig({ platform, peer, hostKey: keyB, privateKey: new Secret('PRIVATE') });
  expect(String(file)).toBe('[secret]');
  expect(file.reveal()).toContain('AllowedIPs = 10.8.0.0/24, 10.101.0.0/16\n');
  const alone = clientConfig({ platform: parse(text), peer, hostKey: keyB, privateKey: undefined });
  expect(alone.reveal()).toContain('AllowedIPs = 10.8.0.0/24\n');
  expect(file.reveal()).toContain('PrivateKey = PRIVATE\nAddress = 10.8.0.2/32\n');
});

test('a QR code is drawn by qrencode', async ({ skip }) => {
  skip(!(await installed('qrencode')), 'qrencode is not installed');
  expect((await qrCode(new Secret('hello'))).reveal()).toMatch(/[█▀▄]/);
});

test('what the host says of its peers gets their names', () => {
  const dump = [
    'PRIVATE\tPUBLIC\t51820\toff',
    `${keyA}\t(none)\t198.51.100.10:4000\t10.8.0.2/32\t1795392000\t100\t200\toff`,
    `${keyB}\t(none)\t(none)\t10.8.0.9/32\t0\t0\t0\toff`,
  ].join('\n');
  const [a, stranger] = peerStatus(dump, parse(text).vpn.peers);
  expect(a).toMatchObject({ name: 'a', endpoint: '198.51.100.10:4000', lastHandshake: '2026-11-23T00:00:00.000Z' });
  expect(stranger).toMatchObject({ name: '(not in the platform file)', lastHandshake: null, address: '10.8.0.9/32' });
  expect(JSON.stringify([a, stranger])).not.toContain('PRIVATE');
});
