import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPlatform, parsePlatform } from '../platform/load.ts';
import { operatorFiles, writePrivate } from '../platform/operator-files.ts';
import { newWireguardKeys } from './keys.ts';
import { addPeer, writePeerFiles } from './peers.ts';

test('the files of peers whose keys were made here are written, for their owner alone whatever was there', async () => {
  const home = await mkdtemp(join(tmpdir(), 'socle-peers-'));
  try {
    const [own, other, host] = [newWireguardKeys(), newWireguardKeys(), newWireguardKeys()];
    const peers = `{name: a, public_key: ${own.publicKey}, address: 10.8.0.2}, {name: b, public_key: ${other.publicKey}, address: 10.8.0.3}`;
    const platform = parsePlatform(
      `name: t\nenvironment: dev\nhost: {address: vps.example}\nvpn: {peers: [${peers}]}\n`,
      'f',
    );
    const files = operatorFiles('t', { XDG_CONFIG_HOME: home });
    await writePrivate(files.peerKey('a'), own.privateKey.reveal());
    await writePrivate(files.hostPublicKey, host.publicKey);
    await writeFile(files.peerConfig('a'), 'an old one');
    await chmod(files.peerConfig('a'), 0o644);

    expect(await writePeerFiles(platform, files)).toEqual([files.peerConfig('a')]);
    expect((await stat(files.peerConfig('a'))).mode & 0o777).toBe(0o600);
    const text = await readFile(files.peerConfig('a'), 'utf8');
    expect(text).toContain(`PrivateKey = ${own.privateKey.reveal()}\n`);
    expect(text).toContain(`PublicKey = ${host.publicKey}\nEndpoint = vps.example:51820\n`);
  } finally {
    await rm(home, { recursive: true });
  }
});

test('a peer of an environment goes into its own file, beside those of the base, whose addresses are taken', async () => {
  const home = await mkdtemp(join(tmpdir(), 'socle-peers-'));
  try {
    const file = join(home, 'platform.staging.yaml');
    const below = `vpn: {peers: [{name: a, public_key: ${newWireguardKeys().publicKey}, address: 10.8.0.2}]}\n`;
    await writeFile(join(home, 'platform.yaml'), `name: t\nenvironment: prod\n${below}`);
    await writeFile(file, 'base: platform.yaml\nname: t-staging\nenvironment: staging\n');
    const files = operatorFiles('t-staging', { XDG_CONFIG_HOME: home });
    const wanted = { name: 'b', publicKey: undefined, reaches: ['a'] };
    await addPeer(file, files, wanted);
    expect((await loadPlatform(file)).vpn.peers).toMatchObject([{ name: 'a' }, { name: 'b', address: '10.8.0.3' }]);
    expect(await readFile(join(home, 'platform.yaml'), 'utf8')).toContain(below);
  } finally {
    await rm(home, { recursive: true });
  }
});

test('peers that are added at once get an address each; one that cannot be written leaves no key', async () => {
  const home = await mkdtemp(join(tmpdir(), 'socle-peers-'));
  try {
    const file = join(home, 'platform.yaml');
    await writeFile(file, '# kept\nname: t\nenvironment: dev\n');
    const files = operatorFiles('t', { XDG_CONFIG_HOME: home });
    const names = ['a', 'b', 'c', 'd'];
    await Promise.all(names.map((name) => addPeer(file, files, { name, publicKey: undefined, reaches: [] })));
    const { peers } = (await loadPlatform(file)).vpn;
    expect(new Set(peers.map(({ address }) => address)).size).toBe(4);
    expect(peers.map(({ name }) => name).sort()).toEqual(names);
    expect(await readFile(file, 'utf8')).toContain('# kept\n');

    const wrong = addPeer(file, files, { name: 'e', publicKey: undefined, reaches: ['nobody'] });
    await expect(wrong).rejects.toMatchObject({ code: 'config-invalid' });
    expect(existsSync(files.peerKey('e'))).toBe(false);
    await addPeer(file, files, { name: 'e', publicKey: undefined, reaches: ['a'] });
  } finally {
    await rm(home, { recursive: true });
  }
});
