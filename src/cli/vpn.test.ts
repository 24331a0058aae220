import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';

let directory: string;
const cli = async (...args: string[]) => {
  const env = { HOME: directory, SOCLE_CONFIG: join(directory, 'platform.yaml') };
  const { exitCode, stdout } = await run(socle, [...args, '--json'], { accept: [0, 1, 2, 4], cwd: directory, env });
  return { exitCode, answer: JSON.parse(stdout) };
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-vpn-'));
  await writeFile(join(directory, 'platform.yaml'), 'name: t\nenvironment: dev\nhost: {address: vps.example}\n');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('a peer is added, listed, configured and revoked; its private key is in one file of mode 0600', async () => {
  const { answer: added } = await cli('vpn', 'add', 'laptop');
  expect(added).toMatchObject({ name: 'laptop', address: '10.8.0.2' });
  expect((await stat(added.keyFile)).mode & 0o777).toBe(0o600);
  const privateKey = (await readFile(added.keyFile, 'utf8')).trim();
  expect(await readFile(join(directory, 'platform.yaml'), 'utf8')).not.toContain(privateKey);
  expect(JSON.stringify(added)).not.toContain(privateKey);
  expect((await cli('vpn', 'list')).answer).toHaveLength(1);

  expect((await cli('vpn', 'config', 'laptop')).answer.error).toMatchObject({ code: 'not-found' });
  await writeFile(join(directory, '.config/socle/t/wireguard.pub'), 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=\n');
  expect((await cli('vpn', 'config', 'laptop')).answer.config).toContain(`PrivateKey = ${privateKey}\n`);
  await cli('vpn', 'config', 'laptop', '--output', 'laptop.conf');
  expect((await stat(join(directory, 'laptop.conf'))).mode & 0o777).toBe(0o600);

  const key = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
  expect((await cli('vpn', 'add', 'phone', '--public-key', key)).answer).toMatchObject({ keyFile: null });
  expect((await cli('vpn', 'config', 'phone')).answer.config).toContain('(the private key of this peer)');
  expect((await cli('vpn', 'revoke', 'laptop')).exitCode).toBe(0);
  expect((await cli('vpn', 'add', 'laptop')).answer.error).toMatchObject({ code: 'not-confirmed' });
  expect((await cli('vpn', 'revoke', 'laptop')).answer.error).toMatchObject({ code: 'not-found' });
});
