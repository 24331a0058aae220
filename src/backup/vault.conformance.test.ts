import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRestServer } from '../../test/support/rest-server.ts';
import { startSshd } from '../../test/support/sshd.ts';
import { run } from '../kernel/process.ts';
import type { VaultConfig } from '../platform/schema.ts';
import type { Stored, Vault } from './vault.ts';
import { openVault } from './vault-open.ts';

interface Backend {
  readonly config: Pick<VaultConfig, 'repository' | 'options' | 'environment'>;
  readonly stop: () => Promise<void>;
}

/** Secrets by file and by command, as users give them. */
const backends: Readonly<Record<string, (root: string) => Promise<Backend>>> = {
  'a local directory': async (root) => ({
    config: { repository: join(root, 'vault'), options: {}, environment: {} },
    stop: async () => {},
  }),
  SFTP: async () => {
    const sshd = await startSshd();
    const repository = `sftp://${sshd.user}@127.0.0.1:${sshd.port}/${sshd.directory}/vault`;
    return { config: { repository, options: { 'sftp.args': sshd.arguments }, environment: {} }, stop: sshd.stop };
  },
  REST: async (root) => {
    const server = await startRestServer('canary-of-the-rest-server');
    await writeFile(join(root, 'rest-password'), server.password, { mode: 0o600 });
    return {
      config: {
        repository: `rest:http://127.0.0.1:${server.port}/vault/`,
        options: {},
        environment: {
          RESTIC_REST_USERNAME: { command: ['echo', server.user] },
          RESTIC_REST_PASSWORD: { file: join(root, 'rest-password') },
        },
      },
      stop: server.stop,
    };
  },
};

describe.each(Object.entries(backends))('a vault on %s', (name, start) => {
  const data = randomBytes(3 * 2 ** 20);
  let root: string;
  let backend: Backend;
  let config: VaultConfig;
  let vault: Vault;
  let dump: Stored;

  const open = (overrides: Partial<VaultConfig> = {}, platform = 'shop') =>
    openVault({ ...config, ...overrides }, { platform, cache: join(root, 'cache'), lockWait: 0 });
  const upload = (target: Vault, id: string) =>
    target.upload({ item: 'dump', database: 'orders', id, file: 'orders.dump' });

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'socle-vault-'));
    await writeFile(join(root, 'password'), 'canary-of-the-vault\n', { mode: 0o600 });
    backend = await start(root);
    const password = name === 'REST' ? { command: ['cat', join(root, 'password')] } : { file: join(root, 'password') };
    config = { ...backend.config, password };
    vault = await open();
  });

  afterAll(async () => {
    await backend?.stop();
    await rm(root, { recursive: true, force: true });
  });

  test('says that it is not there before it is made', async () => {
    await expect(vault.list()).rejects.toMatchObject({ code: 'vault-absent' });
  });

  test('is made once', async () => {
    expect(await vault.init()).toBe(true);
    expect(await vault.init()).toBe(false);
    expect(vault.local).toBe(name === 'a local directory');
    expect(vault.address).not.toContain('canary');
  });

  test('keeps what was written to it, and gives back the same bytes', async () => {
    const running = upload(vault, 'b-1');
    running.sink.write(data);
    dump = await running.commit();
    expect(dump).toMatchObject({ item: 'dump', database: 'orders', id: 'b-1', paths: ['/orders.dump'] });
    expect(dump.addedBytes).toBeGreaterThan(data.length * 0.99);
    expect((await buffer(vault.read(dump.snapshot, '/orders.dump'))).equals(data)).toBe(true);

    const target = join(root, 'fetched.dump');
    expect(await vault.fetch(dump.snapshot, '/orders.dump', target)).toBe(data.length);
    expect((await readFile(target)).equals(data)).toBe(true);
  });

  test('keeps several small files in one snapshot', async () => {
    const files = { 'manifest.json': '{"é": 1}', 'roles.sql': 'CREATE ROLE "a b";\n' };
    const stored = await vault.putFiles({ item: 'manifest', database: 'orders', id: 'b-1' }, files);
    expect(stored.paths).toEqual(['/manifest.json', '/roles.sql']);
    expect(await text(vault.read(stored.snapshot, '/manifest.json'))).toBe(files['manifest.json']);
    expect(await text(vault.read(stored.snapshot, '/roles.sql'))).toBe(files['roles.sql']);
    const newest = (id: string) => text(vault.readNewest({ item: 'manifest', id }, '/manifest.json'));
    expect(await newest('b-1')).toBe(files['manifest.json']);
    await expect(newest('b-9')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('makes no snapshot of an upload that was aborted, nor of one whose writer ended', async () => {
    const aborted = upload(vault, 'b-2');
    await new Promise<void>((resolve) => aborted.sink.write(data, () => resolve()));
    const temporary = join(root, 'cache', 'restic-tmp');
    const [running] = await readdir(temporary);
    // As restic leaves it when it is ended before it could unlink what it made.
    await writeFile(join(temporary, running ?? '', 'restic-temp-pack-1'), '');
    await aborted.abort();
    expect(await readdir(temporary)).toEqual([]);
    const ended = upload(vault, 'b-3');
    ended.sink.end(data);
    await new Promise<void>((resolve) => ended.sink.once('finish', resolve));
    ended.sink.destroy();
    await new Promise<void>((resolve) => ended.sink.once('close', resolve));
    expect((await vault.list()).map(({ id, item }) => [id, item])).toEqual([
      ['b-1', 'dump'],
      ['b-1', 'manifest'],
    ]);
  });

  test('lists only what is ours, on this platform', async () => {
    const other = await open({}, 'elsewhere');
    await other.putFiles({ item: 'state', database: 'orders', id: 's-1' }, { 'state.txt': 'x' });
    expect((await other.list()).map(({ id }) => id)).toEqual(['s-1']);
    expect((await vault.list()).map(({ id }) => id)).toEqual(['b-1', 'b-1']);
    const [theirs] = await other.list();
    await vault.remove([theirs?.snapshot ?? '']);
    expect(await other.list()).toHaveLength(1);
  });

  test('is checked, in structure and in data', async () => {
    expect(await vault.check({ n: 1, of: 1 })).toMatchObject({ ok: true });
  });

  // Keys are restic's own affair: the same on every back-end.
  if (name === 'a local directory') {
    test('opens with a second key, and not with a wrong password', async () => {
      await writeFile(join(root, 'kit'), 'password of the kit\n', { mode: 0o600 });
      expect(await vault.addKey(join(root, 'kit'), 'recovery kit')).toMatch(/^[0-9a-f]{8,}$/);
      expect(await (await open({ password: { file: join(root, 'kit') } })).list()).toHaveLength(2);
      const wrong = await open({ password: { command: ['echo', 'canary-that-is-wrong'] } });
      await expect(wrong.list()).rejects.toMatchObject({ code: 'vault-wrong-password' });
    });
  }

  test('says that a file is not in it', async () => {
    await expect(text(vault.read(dump.snapshot, '/none'))).rejects.toMatchObject({ code: 'not-found' });
    const fetching = vault.fetch(dump.snapshot, '/none', join(root, 'none'));
    await expect(fetching).rejects.toMatchObject({ code: 'not-found' });
  });

  test('copies to a second vault: data, tags and trees', async () => {
    await mkdir(join(root, 'second'));
    const second = await openVault(
      {
        repository: join(root, 'second', 'vault'),
        password: { command: ['echo', 'another'] },
        options: {},
        environment: {},
      },
      { platform: 'shop', cache: join(root, 'cache'), lockWait: 0 },
    );
    await second.init(undefined, vault);
    const all = await vault.list();
    await vault.copyTo(
      second,
      all.map(({ snapshot }) => snapshot),
    );
    const copies = await second.list();
    expect(copies.map(({ id, item, tree }) => [id, item, tree])).toEqual(
      all.map(({ id, item, tree }) => [id, item, tree]),
    );
    const copy = copies.find(({ item }) => item === 'dump');
    expect((await buffer(second.read(copy?.snapshot ?? '', '/orders.dump'))).equals(data)).toBe(true);
  });

  test('removes exactly what it is told to, and the space with it', async () => {
    expect(await vault.remove([dump.snapshot])).toBeGreaterThan(data.length * 0.99);
    expect((await vault.list()).map(({ item }) => item)).toEqual(['manifest']);
    expect(await vault.remove([dump.snapshot])).toBe(0);
    expect(await vault.check()).toMatchObject({ ok: true });
  });

  test('removes at its opening what a killed process left a week ago, and nothing younger', async () => {
    const temporary = join(root, 'cache', 'restic-tmp');
    for (const name of ['put-old', 'put-new']) await mkdir(join(temporary, name));
    await writeFile(join(temporary, 'put-old', 'roles.sql'), '');
    const before = new Date(Date.now() - 8 * 86_400_000);
    await utimes(join(temporary, 'put-old'), before, before);
    await open({});
    expect(await readdir(temporary)).toEqual(['put-new']);
    await rm(join(temporary, 'put-new'), { recursive: true });
  });

  test('left no secret in a file of its cache, and nothing temporary', async () => {
    const found = await run('grep', ['-rl', 'canary', join(root, 'cache')], { accept: [0, 1] });
    expect(found.stdout).toBe('');
    expect((await run('ls', ['-A', join(root, 'cache', 'restic-tmp')])).stdout.trim()).toBe('');
  });
});
