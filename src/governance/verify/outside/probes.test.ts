import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { expect, test } from 'vitest';
import { startSshd } from '../../../../test/support/sshd.ts';
import { run } from '../../../kernel/process.ts';
import { parsePlatform } from '../../../platform/load.ts';
import { allPorts, knownTcpPorts, knownUdpPorts } from './ports.ts';
import { believed } from './probes.ts';
import { parseOffer, readSshOffer } from './ssh-offer.ts';
import { scanTcp } from './tcp-scan.ts';
import { readTls } from './tls.ts';
import { scanUdp } from './udp-scan.ts';

const platform = parsePlatform('name: t\nenvironment: dev\nvpn: {port: 4433, extra_ports: [443]}\n', 'f');

test('a scan of TCP ports finds what listens, and asks each port once', async () => {
  const servers = await Promise.all(
    ['127.0.0.77', '127.0.0.77'].map(async (host) => {
      const server = createServer((socket) => socket.on('error', () => {})).listen(0, host);
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port).sort((a, b) => a - b);
  expect([allPorts.length, allPorts[0], allPorts.at(-1)]).toEqual([65_535, 1, 65_535]);
  const some = allPorts.filter((port) => port <= 5_000 || ports.includes(port));
  let asked = 0;
  const found = await scanTcp({
    address: '127.0.0.77',
    ports: some,
    asked: (count) => {
      asked = count;
    },
  });
  for (const server of servers) server.close();
  expect(found.open.filter((port) => ports.includes(port))).toEqual(ports);
  expect([asked, found.open.length + found.closed.length]).toEqual([some.length, some.length]);
}, 60_000);

test('a machine without a way there says so, instead of finding every port silent', async () => {
  // A network namespace of its own has no route at all.
  const code = `import('${new URL('./tcp-scan.ts', import.meta.url)}').then(({ scanTcp }) =>
    scanTcp({ address: '198.51.100.20', ports: [1, 2, 3], asked: () => {} })).then(console.log, (e) => console.log(e.code))`;
  const { stdout } = await run('unshare', ['--user', '--net', process.execPath, '--input-type=module', '-e', code]);
  expect(stdout.trim()).toBe('ENETUNREACH');
});

test('of UDP ports one answers, one is closed', async () => {
  const server = createSocket('udp4');
  server.on('message', (_, { address, port }) => server.send('yes', port, address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const other = createSocket('udp4').bind(0, '127.0.0.1');
  await once(other, 'listening');
  const silent = other.address().port;
  const closed = 1;
  const found = await scanUdp({ address: '127.0.0.1', ports: [port, silent, closed], asked: () => {} });
  server.close();
  other.close();
  expect(found).toEqual({ open: [port], closed: [closed] });
});

test('silence counts only when the packets arrived', () => {
  const look = { value: { address: 'a', asked: 100, all: false, open: [22], closed: [23] } };
  expect(believed(look, { value: 198 }, 2)).toBe(look);
  expect(believed(look, { value: 60 }, 2)).toEqual({
    blind:
      'of 198 packets that asked a, the host received 60: something on the way holds them back, so that silence says nothing',
  });
  expect(believed(look, { blind: 'no counter' }, 2)).toEqual({
    blind: 'nobody knows whether the questions arrived: no counter',
  });
});

test('a real sshd tells what it offers', async () => {
  const sshd = await startSshd();
  const offer = await readSshOffer('127.0.0.1', sshd.port);
  await sshd.stop();
  expect(offer.banner).toMatch(/^SSH-2.0-OpenSSH/);
  expect(offer.kex).toContain('curve25519-sha256');
  expect(offer.kex.join()).not.toContain('kex-strict');
  expect(offer.hostKeys).toEqual(['ssh-ed25519']);
  expect(offer.macs).toContain('hmac-sha2-256-etm@openssh.com');
  expect(() => parseOffer(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))).toThrow('no SSH server');
});

test.each([
  ['TLSv1.2', false],
  ['TLSv1', true],
] as const)('a server from %s on: does it speak old TLS? %s', async (minVersion, old) => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-tls-'));
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory, name)) as [string, string];
  const subject = ['-subj', '/CN=shop.example', '-days', '30'];
  await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject]);
  const ciphers = 'ALL:@SECLEVEL=0';
  const server = createTlsServer({ key: await readFile(key), cert: await readFile(cert), minVersion, ciphers });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const facts = await readTls('127.0.0.1', (server.address() as AddressInfo).port, 'shop.example');
  server.close();
  await rm(directory, { recursive: true });
  expect(facts).toMatchObject({ protocol: 'TLSv1.3', old, subject: 'shop.example' });
  const days = (Date.parse(facts.validTo ?? '') - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(29);
});

test('the known ports hold those of the platform file', () => {
  expect(knownTcpPorts(platform)).toEqual(expect.arrayContaining([22, 443, 5432, 6443, 7410, 10_250, 30_080]));
  expect(knownUdpPorts(platform)).toEqual(expect.arrayContaining([53, 443, 4433, 8472, 51_820]));
});
