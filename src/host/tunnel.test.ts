import { expect, test } from 'vitest';
import { parsePlatform } from '../platform/load.ts';
import { type Tunnel, tunnelChanges } from './tunnel.ts';

const key = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
const other = 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=';
const tunnel: Tunnel = { client: '10.8.0.2', key, port: 51_820 };
const peer = `peers: [{name: laptop, public_key: ${key}, address: 10.8.0.2}]`;

test.each([
  ['the same tunnel', peer, []],
  ['the old port among further ones', `port: 51821, extra_ports: [51820], ${peer}`, []],
  ['another peer more', peer.replace(']', `, {name: phone, public_key: ${other}, address: 10.8.0.3}]`), []],
  ['the peer that we are is gone', 'peers: []', [`no peer has the key ${key} any more`]],
  ['it has another address', peer.replace('.0.2', '.0.9'), ['laptop had the address 10.8.0.2']],
  ['another port', `port: 443, ${peer}`, ['WireGuard had the port 51820']],
])('%s', (_, vpn, changes) => {
  expect(tunnelChanges(parsePlatform(`name: t\nenvironment: dev\nvpn: {${vpn}}\n`, 'f'), tunnel)).toEqual(changes);
});
