import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKeyCheap } from '../../test/support/cheap-key.ts';
import { type KitHost, startKitHost } from '../../test/support/kit-host.ts';
import { startSshd, type TestSshd } from '../../test/support/sshd.ts';
import { storeBackup } from '../../test/support/stored-backup.ts';
import { openVault } from '../backup/vault-open.ts';
import { planHostPlatform } from '../host/ops-platform.ts';
import { exit } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';
import { loadDocument, loadPlatform } from '../platform/load.ts';
import { newWireguardKeys } from '../vpn/keys.ts';

const why = userInfo().uid === 0 ? '' : '(SKIPPED: needs root, for a host with an /etc of its own)';
const vpn = newWireguardKeys();
let root: string;
let host: KitHost;
let far: TestSshd;
const at = (...path: string[]) => join(root, ...path);
const platformFile = () => at('work/platform.yaml');
const named = (pattern: RegExp) => pattern.exec(far.arguments)?.[1] ?? '';

/** What the operator types, with a HOME of the test's. */
async function cli(...args: string[]) {
  const { exitCode, stdout } = await run(socle, [...args, '--config', platformFile(), '--json'], {
    accept: Object.values(exit),
    cwd: at('work'),
    env: { HOME: at('home'), XDG_CACHE_HOME: at('cache'), TMPDIR: at('tmp') },
  });
  return { exitCode, answer: JSON.parse(stdout) };
}
const login = () => ['--identity', host.identity];
const create = (to: string) => cli('kit', 'create', '--to', to, ...login());
const confirm = (from: string) => cli('kit', 'confirm', '--from', from, ...login());
const status = () => cli('kit', 'status', ...login());

/** The vault of the host as its daemon opens it. */
const vaultOf = (repository: string, options: Record<string, string> = {}) =>
  openVault(
    { repository, password: { file: at('work/vault.password') }, options, environment: {} },
    { platform: 'shop', cache: at('cache/host') },
  );

async function backUp(id: string): Promise<void> {
  const sftp = `sftp://${far.user}@127.0.0.1:${far.port}/${far.directory}/copy`;
  const data = {
    id,
    database: 'orders',
    at: '2026-11-22T12:00:00Z',
    data: Buffer.from('x'),
    counts: [{ name: 'public.t', rows: 1 }],
  };
  await storeBackup(await vaultOf(at('host-vault')), data);
  await storeBackup(await vaultOf(sftp, { 'sftp.args': far.arguments }), data);
}

/**
 * A host that was provisioned: a vault that is a directory of it, and a second one behind SFTP whose key only it has. The
 * operator's machine has neither.
 */
beforeAll(async () => {
  if (why !== '') return;
  root = await mkdtemp(join(tmpdir(), 'socle-kit-'));
  for (const name of ['work', 'usb', 'tmp', 'cache', 'home/.config/socle/shop', 'home/.config/sops/age']) {
    await mkdir(at(name), { recursive: true });
  }
  far = await startSshd();
  await writeFile(at('work/vault.password'), 'the password of the host\n', { mode: 0o600 });
  await writeFile(at('work/database.password'), 'of the database\n', { mode: 0o600 });
  const secrets = '/etc/socle/secrets';
  const text = (port: number) => `name: shop
environment: dev
host: {address: 127.0.0.1, port: ${port}, user: root}
databases:
  - {name: orders, connection: {database: orders, password: {file: database.password}}}
backup:
  vault: {repository: ${at('host-vault')}, password: {file: vault.password}}
  copy:
    repository: sftp://${far.user}@far.example:${far.port}/${far.directory}/copy
    password: {file: vault.password}
    options:
      sftp.args: -i ${secrets}/vault_ed25519 -o UserKnownHostsFile=${secrets}/vault_known_hosts -o StrictHostKeyChecking=yes -o HostName=127.0.0.1 -o HostKeyAlias=[127.0.0.1]:${far.port}
ops: {state: ${at('state')}}
`;
  await writeFile(platformFile(), text(22));
  const planned = planHostPlatform(await loadDocument(platformFile()), await loadPlatform(platformFile()), at('work'));
  host = await startKitHost({
    'socle/platform.yaml': planned.text.replace(at('state'), at('host-state')),
    'socle/secrets/backup.vault.password': await readFile(at('work/vault.password'), 'utf8'),
    'socle/secrets/backup.copy.password': await readFile(at('work/vault.password'), 'utf8'),
    'socle/secrets/databases.orders.connection.password': 'of the database\n',
    'socle/secrets/vault_ed25519': await readFile(named(/-i (\S+)/), 'utf8'),
    'socle/secrets/vault_known_hosts': await readFile(named(/UserKnownHostsFile=(\S+)/), 'utf8'),
    'socle/wireguard/private.key': `${vpn.privateKey.reveal()}\n`,
  });
  await writeFile(platformFile(), text(host.port));
  await writeFile(at('home/.config/socle/shop/known_hosts'), `socle-shop ${host.hostKey}\n`);
  await writeFile(at('home/.config/socle/shop/wireguard.pub'), `${vpn.publicKey}\n`);
  await cli('secret', 'keygen', at('home/keys.txt'));
  await rename(at('home/keys.txt'), at('home/.config/sops/age/keys.txt'));
  expect(await host.socle('vault', 'init')).toMatchObject({ exitCode: 0 });
  for (const vault of [at('host-vault'), join(far.directory, 'copy')]) {
    await makeKeyCheap(vault, at('work/vault.password'));
  }
}, 120_000);
afterAll(async () => {
  await host?.stop();
  await far?.stop();
  if (root) await rm(root, { recursive: true, force: true });
});

test.skipIf(why !== '')(
  `a kit of a host is made there, holds all that its vaults need, and is confirmed against it ${why}`,
  async () => {
    expect(await status()).toMatchObject({ exitCode: 3, answer: { state: 'none' } });
    const { exitCode, answer } = await create(at('usb/kit'));
    expect({ exitCode, peer: answer.peer }).toEqual({ exitCode: 0, peer: 'spare' });
    // Nothing was made where the operator sits.
    expect((await readdir(at('work'))).sort()).toEqual(['database.password', 'platform.yaml', 'vault.password']);
    const kit = (name: string) => readFile(at('usb/kit', name), 'utf8');
    expect(await kit('host-wireguard.key')).toBe(`${vpn.privateKey.reveal()}\n`);
    expect(await kit('database-orders.password')).toBe('of the database\n');
    expect(await kit('vault-2.vault_ed25519')).toContain('OPENSSH PRIVATE KEY');
    expect(await kit('vpn.conf')).toContain(`PublicKey = ${vpn.publicKey}\nEndpoint = 127.0.0.1:51820\n`);
    expect(await kit('come-back.md')).toContain('is lost with it');
    expect((await loadPlatform(platformFile())).vpn.peers).toMatchObject([{ name: 'spare', address: '10.8.0.2' }]);

    // An empty vault opens, and is nothing to come back from.
    expect((await confirm(at('usb/kit'))).answer.error).toMatchObject({
      code: 'kit-unusable',
      message: expect.stringContaining('no backup'),
    });
    expect(await status()).toMatchObject({ exitCode: 3, answer: { state: 'unconfirmed' } });
    await backUp('b-1');
    const confirmed = await confirm(at('usb/kit'));
    expect(JSON.stringify(confirmed.answer.error)).toBeUndefined();
    expect(confirmed.answer.vaults).toMatchObject([
      { address: at('host-vault'), backups: 1, newest: 'b-1', onHost: true },
      { backups: 1, newest: 'b-1', onHost: false },
    ]);
    // Host and operator agree, and so does an operator who made no kit.
    expect(await status()).toMatchObject({ exitCode: 0, answer: { state: 'confirmed' } });
    expect(await host.socle('kit', 'status')).toMatchObject({ exitCode: 0, answer: { state: 'confirmed' } });
    await rename(at('state'), at('state-of-the-first'));
    expect(await status()).toMatchObject({ exitCode: 0, answer: { state: 'confirmed' } });

    // The page opens both with restic alone; the first where it lies.
    const page = await kit('come-back.md');
    for (const [, block] of page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)) {
      const script = `set -eu\n${block}restic --no-lock --no-cache snapshots --json`;
      const { stdout } = await run('sh', ['-c', script], { cwd: at('usb/kit'), env: { HOME: at('tmp') } });
      expect(JSON.parse(stdout).length).toBeGreaterThan(0);
    }
  },
  240_000,
);

test.skipIf(why !== '')(
  `a kit is no longer confirmed when something that it needs is not in it, or the host has another vault ${why}`,
  async () => {
    expect((await create(at('usb/kit-2'))).answer.peer).toBe('spare-2');
    const refused = async (said: string) => {
      const { exitCode, answer } = await confirm(at('usb/kit-2'));
      expect({ exitCode, message: answer.error.message }).toEqual({
        exitCode: 3,
        message: expect.stringContaining(said),
      });
    };
    const aside = async (name: string, said: string) => {
      await rename(at('usb/kit-2', name), at('usb/aside'));
      await refused(said);
      await rename(at('usb/aside'), at('usb/kit-2', name));
    };
    for (const name of [
      'vault-2.vault_ed25519',
      'vault-2.vault_known_hosts',
      'database-orders.password',
      'host-wireguard.key',
      'restore-by-hand.md',
      'vpn.conf',
    ]) {
      await aside(name, name);
    }
    const spoilt = async (name: string, text: string, code: RegExp) => {
      const before = await readFile(at('usb/kit-2', name), 'utf8');
      await writeFile(at('usb/kit-2', name), text);
      expect((await confirm(at('usb/kit-2'))).answer.error.code, name).toMatch(code);
      await writeFile(at('usb/kit-2', name), before);
    };
    await spoilt('host-wireguard.key', `${newWireguardKeys().privateKey.reveal()}\n`, /^kit-unusable$/);
    // restic may end before it has passed on what ssh said of it.
    await spoilt('vault-2.vault_ed25519', await readFile(host.identity, 'utf8'), /^vault-(denied|unreachable)$/);
    await spoilt('vault.password', 'of another kit\n', /^vault-wrong-password$/);

    // The host backs up into another repository at the same place.
    await rename(at('host-vault'), at('host-vault-of-before'));
    expect(await host.socle('vault', 'init', '--anew')).toMatchObject({ exitCode: 0 });
    expect(await status()).toMatchObject({ exitCode: 3, answer: { state: 'outdated' } });
    expect(await host.socle('kit', 'status')).toMatchObject({ exitCode: 3, answer: { state: 'outdated' } });
    expect((await confirm(at('usb/kit'))).exitCode).not.toBe(0);
    await rm(at('host-vault'), { recursive: true });
    await rename(at('host-vault-of-before'), at('host-vault'));
    expect(await host.socle('vault', 'init')).toMatchObject({ exitCode: 0 });
    expect(await status()).toMatchObject({ exitCode: 0, answer: { state: 'confirmed' } });
  },
  240_000,
);

test.skipIf(why !== '')(
  `a host that does not answer, or has no Socle, confirms nothing ${why}`,
  async () => {
    const text = await readFile(platformFile(), 'utf8');
    await writeFile(platformFile(), text.replace(/port: \d+, user/, 'port: 1, user'));
    expect((await confirm(at('usb/kit'))).answer.error.code).toBe('host-unreachable');
    expect((await status()).answer.error.code).toBe('host-unreachable');
    await writeFile(platformFile(), text);
  },
  60_000,
);
