import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKeyCheap } from '../../test/support/cheap-key.ts';
import { descendants } from '../../test/support/children.ts';
import { startRestServer } from '../../test/support/rest-server.ts';
import { freePort } from '../../test/support/sshd.ts';
import { until } from '../../test/support/until.ts';
import { run, start } from '../kernel/process.ts';
import type { VaultConfig } from '../platform/schema.ts';
import type { Stored, Vault } from './vault.ts';
import { openVault } from './vault-open.ts';

const isRoot = userInfo().uid === 0;
const data = randomBytes(2 * 2 ** 20);
let root: string;
let config: VaultConfig;
let vault: Vault;

const openFor = (repository: string, lockWait = 0) =>
  openVault({ ...config, repository }, { platform: 'shop', cache: join(root, 'cache'), lockWait });
const upload = (target: Vault, id: string) =>
  target.upload({ item: 'dump', database: 'orders', id, file: 'orders.dump' });
const store = async (target: Vault, id: string, bytes = data): Promise<Stored> => {
  const running = upload(target, id);
  running.sink.write(bytes);
  return running.commit();
};
/** A fresh copy of the repository, to be damaged. */
const copyOfVault = async (name: string) => {
  await run('cp', ['-r', join(root, 'vault'), join(root, name)]);
  return openFor(join(root, name));
};
/** The largest pack of a repository: it holds the data of a dump. */
const largestPack = async (directory: string) => {
  const files = (await readdir(join(directory, 'data'), { recursive: true, withFileTypes: true })).filter((one) =>
    one.isFile(),
  );
  const sized = await Promise.all(
    files.map(async ({ parentPath, name }) => ({
      path: join(parentPath, name),
      size: (await stat(join(parentPath, name))).size,
    })),
  );
  return sized.sort((a, b) => b.size - a.size)[0]?.path ?? '';
};
const flipBit = async (file: string, offset: number) => {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await handle.write(byte, 0, 1, offset);
  await handle.close();
};
const resticChild = async () =>
  (await descendants()).find(({ name, command }) => name === 'restic' && command.includes(' backup '));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-faults-'));
  await writeFile(join(root, 'password'), 'a password\n', { mode: 0o600 });
  config = {
    repository: join(root, 'vault'),
    password: { file: join(root, 'password') },
    options: {},
    environment: {},
  };
  vault = await openFor(config.repository);
  await vault.init();
  await makeKeyCheap(config.repository, join(root, 'password'));
  await store(vault, 'b-1');
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('a server that does not answer is out of reach, and the password in its address is not shown', async () => {
  const canary = `canary-${randomBytes(6).toString('hex')}`;
  const repository = `rest:http://backup:${canary}@127.0.0.1:${await freePort()}/vault/`;
  const away = await openFor(repository);
  const failure: unknown = await away.list(AbortSignal.timeout(90_000)).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'vault-unreachable' });
  expect(inspect(failure, { depth: 9 }) + inspect(away, { depth: 9 })).not.toContain(canary);
});

test('one who holds the vault is named, and waited for', async () => {
  const [first] = await vault.list();
  const holding = upload(vault, 'b-2');
  await new Promise<void>((resolve) => holding.sink.write(data, () => resolve()));
  await until('restic has its lock', async () => (await readdir(join(root, 'vault', 'locks'))).length > 0);
  const pid = (await resticChild())?.pid;
  await expect(vault.remove([first?.snapshot ?? ''])).rejects.toMatchObject({
    code: 'vault-locked',
    details: { holder: expect.stringContaining(`PID ${pid} `), since: expect.stringMatching(/^\d{4}-/) },
  });

  const patient = await openFor(config.repository, 60_000);
  const removing = patient.remove([]);
  await holding.abort();
  expect(await removing).toBe(0);
});

test('a lock that goes while restic looks at it is no failure: its holder has just ended', async () => {
  const repository = join(root, 'vanishing');
  await run('cp', ['-r', join(root, 'vault'), repository]);
  const busy = await openFor(repository, 60_000);
  const [dump] = await busy.list();
  const lock = join(repository, 'locks', 'a'.repeat(64));
  // Listed, and not there: restic 0.14 tries to read such a lock for a minute.
  await symlink(join(root, 'nowhere'), lock);
  let ended = false;
  const reading = buffer(busy.read(dump?.snapshot ?? '', '/orders.dump')).finally(() => {
    ended = true;
  });
  const tried = async () => ended || (await descendants()).some(({ command }) => command.endsWith(' unlock '));
  await until('restic met the lock', tried, 60);
  await rm(lock);
  expect((await reading).equals(data)).toBe(true);
});

test('an upload that finds the vault locked begins again, and loses nothing of what it was given', async () => {
  const locks = join(root, 'vault', 'locks');
  const env = {
    RESTIC_REPOSITORY: config.repository,
    RESTIC_PASSWORD_FILE: join(root, 'password'),
    RESTIC_CACHE_DIR: join(root, 'cache'),
  };
  const exclusive = start('restic', ['check', '--read-data'], { env, stdio: ['ignore', 'ignore', 'ignore'] });
  await until('restic holds the vault alone', async () => (await readdir(locks)).some((name) => !name.includes('tmp')));
  exclusive.kill('SIGSTOP');
  const patient = await openFor(config.repository, 60_000);
  const small = randomBytes(1000);
  const waiting = upload(patient, 'b-wait');
  waiting.sink.write(small);
  const committing = waiting.commit();
  await until('a second restic was started', async () => {
    const seen = (await resticChild())?.pid;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return seen !== undefined && (await resticChild())?.pid !== seen;
  });
  exclusive.kill('SIGCONT');
  const stored = await committing;
  expect(await text(patient.read(stored.snapshot, '/orders.dump'))).toBe(small.toString());
  expect((await vault.list()).map(({ id }) => id)).toEqual(['b-1', 'b-wait']);
  await exclusive.ended;
});

test('a restic that is killed leaves no snapshot, and its lock does not stand in the way', async () => {
  const before = await vault.list();
  const running = upload(vault, 'b-3');
  await new Promise<void>((resolve) => running.sink.write(data, () => resolve()));
  await until('restic has its lock', async () => (await readdir(join(root, 'vault', 'locks'))).length > 0);
  process.kill((await resticChild())?.pid ?? 0, 'SIGKILL');
  await expect(running.commit()).rejects.toMatchObject({ code: 'vault-failed' });
  expect(await vault.list()).toEqual(before);
  expect(await readdir(join(root, 'vault', 'locks'))).toHaveLength(1);
  expect(await vault.remove([])).toBeGreaterThanOrEqual(0);
  expect(await readdir(join(root, 'vault', 'locks'))).toEqual([]);
});

test('a flipped bit is found by reading, and only by reading', async () => {
  const damaged = await copyOfVault('flipped');
  await flipBit(await largestPack(join(root, 'flipped')), 500_000);
  expect(await damaged.check()).toMatchObject({ ok: true });
  expect(await damaged.check({ n: 1, of: 1 })).toMatchObject({ ok: false });
  const [dump] = await damaged.list();
  await expect(text(damaged.read(dump?.snapshot ?? '', '/orders.dump'))).rejects.toMatchObject({
    code: 'vault-damaged',
  });
});

test('a missing pack is found at once, and a restore that needs it fails in seconds', async () => {
  const damaged = await copyOfVault('missing');
  await rm(await largestPack(join(root, 'missing')));
  expect(await damaged.check()).toMatchObject({ ok: false });
  const [dump] = await damaged.list();
  const began = performance.now();
  const fetching = damaged.fetch(dump?.snapshot ?? '', '/orders.dump', join(root, 'out.dump'));
  await expect(fetching).rejects.toMatchObject({ code: 'vault-damaged' });
  expect(performance.now() - began).toBeLessThan(30_000);
});

test('a damaged snapshot hides itself alone, and is not overlooked', async () => {
  const damaged = await copyOfVault('hidden');
  const [dump, ...others] = await damaged.list();
  await flipBit(join(root, 'hidden', 'snapshots', dump?.snapshot ?? ''), 40);
  await rm(join(root, 'cache'), { recursive: true, force: true });
  expect((await (await openFor(join(root, 'hidden'))).list()).map(({ id }) => id)).toEqual(others.map(({ id }) => id));
  expect((await damaged.survey(undefined, true)).unreadable).toEqual([dump?.snapshot]);
  await expect(damaged.remove(others.map(({ snapshot }) => snapshot))).rejects.toMatchObject({ code: 'vault-damaged' });
});

test('without password, key or directory it is said which', async () => {
  await expect(
    openVault({ ...config, password: { file: join(root, 'none') } }, { platform: 'shop', cache: join(root, 'cache') }),
  ).rejects.toMatchObject({ code: 'secret-unreadable' });
  await expect((await openFor(join(root, 'none'))).list()).rejects.toMatchObject({ code: 'vault-absent' });
});

test.skipIf(!isRoot)('a full disk fails an upload, and leaves the vault as it was', async () => {
  const mount = join(root, 'full');
  await run('mkdir', [mount]);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', mount]);
  try {
    const full = await openFor(join(mount, 'vault'));
    await full.init();
    await store(full, 'b-1', randomBytes(1000));
    const running = upload(full, 'b-2');
    const writing = (async () => {
      for (let i = 0; i < 60; i += 1) {
        if (running.sink.destroyed) return;
        await new Promise<void>((resolve) => running.sink.write(randomBytes(2 ** 20), () => resolve()));
      }
    })();
    await writing;
    await expect(running.commit()).rejects.toMatchObject({ code: 'vault-full' });
    expect((await full.list()).map(({ id }) => id)).toEqual(['b-1']);
  } finally {
    await run('umount', [mount]);
  }
});

test.skipIf(!isRoot)('a vault on a read-only medium is read, and not written', async () => {
  const mount = join(root, 'read-only');
  await run('mkdir', [mount]);
  await run('mount', ['--bind', join(root, 'vault'), mount]);
  await run('mount', ['-o', 'remount,ro,bind', mount]);
  try {
    const readOnly = await openFor(mount);
    const [dump] = await readOnly.list();
    expect(await readOnly.fetch(dump?.snapshot ?? '', '/orders.dump', join(root, 'ro.dump'))).toBe(data.length);
    expect((await text(readOnly.read(dump?.snapshot ?? '', '/orders.dump'))).length).toBeGreaterThan(0);
    await expect(store(readOnly, 'b-9')).rejects.toMatchObject({ code: 'vault-denied' });
  } finally {
    await run('umount', [mount]);
  }
});

test('no secret is in an argument of any process, nor the password in any environment', async () => {
  const canary = randomBytes(8).toString('hex');
  const server = await startRestServer(`rest-${canary}`);
  try {
    await writeFile(join(root, 'canary'), `vault-${canary}\n`, { mode: 0o600 });
    await writeFile(join(root, 'rest'), `rest-${canary}\n`, { mode: 0o600 });
    const guarded = await openVault(
      {
        repository: `rest:http://127.0.0.1:${server.port}/vault/`,
        password: { command: ['cat', join(root, 'canary')] },
        options: {},
        environment: {
          RESTIC_REST_USERNAME: { command: ['echo', server.user] },
          RESTIC_REST_PASSWORD: { file: join(root, 'rest') },
        },
      },
      { platform: 'shop', cache: join(root, 'cache') },
    );
    let looking = true;
    const seen = new Set<string>();
    const leaks: string[] = [];
    const watcher = (async () => {
      while (looking) {
        for (const { name, command, environment } of await descendants()) {
          seen.add(name);
          if (command.includes(canary)) leaks.push(`argument of ${name}`);
          if (environment.includes(`vault-${canary}`)) leaks.push(`environment of ${name}`);
          if (environment.includes(canary) && !['restic', 'nice', 'rclone', 'node'].includes(name))
            leaks.push(`environment of ${name}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await guarded.init();
    const stored = await store(guarded, 'b-1', randomBytes(100_000));
    await text(guarded.read(stored.snapshot, '/orders.dump'));
    const failure: unknown = await guarded
      .fetch(stored.snapshot, '/none', join(root, 'none'))
      .catch((error: unknown) => error);
    looking = false;
    await watcher;
    expect(seen).toContain('restic');
    expect(leaks).toEqual([]);
    expect(inspect(failure, { depth: 9 }) + inspect(guarded, { depth: 9 })).not.toContain(canary);
    const left = await run('grep', ['-rl', canary, join(root, 'cache'), '/dev/shm'], { accept: [0, 1, 2] });
    expect(left.stdout).toBe('');
  } finally {
    await server.stop();
  }
});
