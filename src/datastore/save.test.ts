import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FakeServer } from '../../test/support/datastore.ts';
import { storeBackup } from '../../test/support/stored-backup.ts';
import { copyVault } from '../backup/copy.ts';
import { prune } from '../backup/prune.ts';
import { reindex } from '../backup/reindex.ts';
import type { Vault } from '../backup/vault.ts';
import { openVault } from '../backup/vault-open.ts';
import { listOperations } from '../governance/operations.ts';
import { systemClock } from '../kernel/clock.ts';
import { silent } from '../kernel/progress.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { collectStatus } from '../observability/status.ts';
import { platformSchema } from '../platform/schema.ts';
import { findCopy, listCopies } from './list.ts';
import { type SaveRequest, saveDatastore } from './save.ts';
import { socketSource } from './socket-source.ts';
import type { Source } from './source.ts';

/** Copies of a datastore in real vaults. */
let directory: string;
let server: FakeServer;
let vault: Vault;
let copy: Vault;
let db: DatabaseSync;
const slow = 180_000;
const request: SaveRequest = { platform: 'shop', node: 'atelier', keep: 2, actor: 'cli:test' };
const deps = () => ({ db, vault, copy, clock: systemClock, progress: silent });
const save = (source: Source = server.source, over: Partial<SaveRequest> = {}) =>
  saveDatastore({ ...request, ...over }, source, deps());
const config = (name: string) => ({
  repository: join(directory, name),
  password: { file: join(directory, 'password') },
  options: {},
  environment: {},
});
const platform = () =>
  platformSchema.parse({
    name: 'shop',
    environment: 'dev',
    cluster: {},
    backup: { vault: config('vault'), copy: config('copy') },
  });
const idsIn = async (one: Vault) => (await listCopies(one)).map(({ id }) => id);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-datastore-'));
  await writeFile(join(directory, 'password'), 'canary\n', { mode: 0o600 });
  const open = (name: string) => openVault(config(name), { platform: 'shop', cache: join(directory, 'cache') });
  [vault, copy] = [await open('vault'), await open('copy')];
  await vault.init();
  await copy.init(undefined, vault);
  server = await FakeServer.make(join(directory, 'host'));
  for (let value = 0; value < 3000; value += 1) server.write('x'.repeat(200));
}, slow);
afterAll(async () => {
  server.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => {
  db = openDatabase(':memory:');
});

/** Stops early, changes a byte, or ends badly after all has come. */
const broken = (how: 'cut' | 'failed' | 'changed'): Source => ({
  async open(signal) {
    const { header, body, done } = await server.source.open(signal);
    const ended = how === 'failed' ? done.then(() => Promise.reject(new Error('cut'))) : done;
    // As the sources themselves do: it can fail before anybody waits for it.
    ended.catch(() => {});
    async function* changed() {
      let sent = 0;
      for await (const chunk of body) {
        if (how === 'cut' && sent > 0) continue;
        if (how === 'changed' && sent === 0) chunk[0] = (chunk[0] ?? 0) ^ 1;
        sent += chunk.length;
        yield chunk;
      }
    }
    return { header, body: changed(), done: ended };
  },
});

test.each(['cut', 'failed', 'changed'] as const)(
  'a copy whose stream was %s leaves nothing that counts, and a record',
  async (how) => {
    const expected = how === 'failed' ? { message: 'cut' } : { code: 'copy-incomplete' };
    await expect(save(broken(how))).rejects.toMatchObject(expected);
    expect(await vault.list()).toEqual([]);
    expect(listOperations(db)[0]).toMatchObject({ action: 'cluster.snapshot', result: 'failed', subject: 'atelier' });
  },
  slow,
);

test(
  'a copy of another node is refused before anything is stored',
  async () => {
    await expect(save(server.source, { node: 'other' })).rejects.toMatchObject({ code: 'cluster-fixed' });
    expect(await vault.list()).toEqual([]);
  },
  slow,
);

test(
  'one that was interrupted is shown and not offered, and does not reach the second vault',
  async () => {
    const upload = vault.upload({ item: 'datastore', database: 'k3s', id: 'c-0', file: 'datastore.tar' });
    upload.sink.write('half of it');
    await upload.commit();
    expect(await listCopies(vault)).toMatchObject([{ id: 'c-0', complete: false }]);
    await expect(findCopy(vault, undefined)).rejects.toMatchObject({ code: 'no-backup' });
    await copyVault({ actor: 'cli:test' }, deps());
    expect(await copy.list()).toEqual([]);
  },
  slow,
);

test(
  'the newest copies stay in both vaults; backups of databases are nothing of theirs, nor the other way round',
  async () => {
    const at = '2026-11-22T12:00:00Z';
    await storeBackup(vault, { id: 'b-1', database: 'k3s', at, data: Buffer.from('x') });
    const first = await save();
    expect(first.removed).toEqual(['c-0']);
    await copyVault({ actor: 'cli:test' }, deps());
    expect(await idsIn(copy)).toEqual([first.manifest.id]);
    const second = await save();
    const third = await save();
    expect(third.removed).toEqual([first.manifest.id]);
    expect(await idsIn(vault)).toEqual([third.manifest.id, second.manifest.id]);
    // It has no newer one yet.
    expect(await idsIn(copy)).toEqual([first.manifest.id]);

    const { found } = await reindex({ platform: platform(), actor: 'cli:test' }, deps());
    expect(found).toEqual({ good: 1, incomplete: 0, damaged: 0 });
    await prune({ platform: platform(), actor: 'cli:test', dryRun: false }, deps());
    expect(await idsIn(vault)).toHaveLength(2);
    expect((await vault.list()).filter(({ id }) => id === 'b-1').map(({ item }) => item)).toEqual(['dump', 'manifest']);
  },
  slow,
);

test(
  'the status knows the last copy, one that is too old, and one that failed',
  async () => {
    const state = (now = new Date()) => collectStatus(platform(), db, { ...systemClock, now: () => now }).datastore;
    expect(state()).toMatchObject({ state: 'never succeeded' });
    await save();
    expect(state()).toMatchObject({ state: 'ok', detail: expect.stringContaining('copy of the cluster') });
    expect(state(new Date(Date.now() + 27 * 3_600_000))).toMatchObject({ state: 'overdue', withinTarget: false });
    await expect(save(server.source, { node: 'other' })).rejects.toThrow();
    expect(state()).toMatchObject({ state: 'failing', withinTarget: true });
  },
  slow,
);

test(
  'the daemon’s user gets the same through root’s socket, and one that closes early sent no copy',
  async () => {
    const path = join(directory, 'socket');
    let silently = true;
    const answering = createServer((client) => {
      client.on('error', () => {});
      void (async () => {
        const { header, body } = await server.source.open();
        if (!silently) {
          client.write(`${JSON.stringify(header)}\n`);
          for await (const chunk of body) client.write(chunk);
        }
        client.end();
      })();
    });
    await new Promise<void>((resolve) => answering.listen(path, resolve));
    await expect(save(socketSource(path))).rejects.toMatchObject({ code: 'copy-incomplete' });
    silently = false;
    const { manifest } = await save(socketSource(path));
    answering.close();
    const { data } = await findCopy(vault, manifest.id);
    expect((await buffer(vault.read(data.snapshot, data.paths[0] ?? ''))).length).toBe(manifest.bytes);
    expect(socketSource(join(directory, 'absent'))).toBeUndefined();
  },
  slow,
);

test('one that is given up while the host says nothing yet ends at once', async () => {
  const path = join(directory, 'mute.sock');
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  const giveUp = new AbortController();
  mute.once('connection', () => giveUp.abort());
  await expect(socketSource(path)?.open(giveUp.signal)).rejects.toMatchObject({ code: 'interrupted' });
  await expect(socketSource(path)?.open(giveUp.signal)).rejects.toMatchObject({ code: 'interrupted' });
  mute.close();
});
