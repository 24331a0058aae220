import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  copyOf,
  datastoreProgram,
  FakeServer,
  putCopy,
  readServerFiles,
  serverFiles,
  valuesOf,
} from '../../test/support/datastore.ts';
import { run } from '../kernel/process.ts';
import { readHeader } from './source.ts';

/** The program that copies on the host, on roots of its own. */
let directory: string;
let fresh: string;
let server: FakeServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-datastore-'));
  fresh = join(directory, 'fresh');
  await mkdir(fresh);
  server = await FakeServer.make(join(directory, 'host'));
  server.write('the first');
});
afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true, force: true });
});

test('what was written before a copy is in it, whoever writes meanwhile, and comes back with keys, certificates and the node’s password', async () => {
  for (let value = 0; value < 500; value += 1) server.write(`row ${value}`);
  const writer = setInterval(() => server.write('meanwhile'), 1);
  const { header, tar } = await copyOf(server).finally(() => clearInterval(writer));
  expect(header).toMatchObject({ node: 'atelier', k3s: 'v1.36.3+k3s1', files: 7 });
  expect(tar.length).toBe(header.bytes);
  expect(createHash('sha256').update(tar).digest('hex')).toBe(header.sha256);

  const { exitCode, stderr } = await putCopy(fresh, tar, header);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const values = valuesOf(fresh);
  expect(values.slice(0, 501)).toEqual(['the first', ...Array.from({ length: 500 }, (_, row) => `row ${row}`)]);
  expect(header.revision).toBe(values.length);
  expect(await readServerFiles(fresh)).toEqual(serverFiles);
  const place = join(fresh, 'var/lib/rancher/k3s/server');
  expect((await readdir(place)).sort()).toEqual(['cred', 'db', 'tls', 'token']);
  for (const path of ['', 'db', 'cred', 'tls']) expect((await stat(join(place, path))).mode & 0o077, path).toBe(0);
  const left = await readdir(join(server.root, 'var/lib/rancher/k3s/server/db'));
  expect(left.sort()).toEqual(['state.db', 'state.db-shm', 'state.db-wal']);
});

test('a datastore that is there stays, unless it is to be replaced: then it moves aside', async () => {
  const { header, tar } = await copyOf(server);
  server.write('the second');
  const refused = await putCopy(server.root, tar, header);
  expect(refused).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('there is a datastore already') });
  expect(valuesOf(server.root)).toEqual(['the first', 'the second']);

  for (const _ of ['once', 'and again']) {
    expect((await putCopy(server.root, tar, header, 'replace')).exitCode).toBe(0);
    expect(valuesOf(server.root)).toEqual(['the first']);
    expect(await readServerFiles(server.root)).toEqual(serverFiles);
  }
  const replaced = join(server.root, 'var/lib/rancher/k3s/server/replaced');
  expect((await readdir(replaced)).sort()).toEqual([
    'node-password',
    'server-cred',
    'server-db',
    'server-tls',
    'server-token',
  ]);
  expect((await stat(replaced)).mode & 0o777).toBe(0o700);
});

test.each([
  ['cut short', (tar: Buffer) => tar.subarray(0, tar.length - 1024)],
  [
    'with another byte in it',
    (tar: Buffer) => Buffer.concat([tar.subarray(0, 700), Buffer.from('!'), tar.subarray(701)]),
  ],
])('a copy that arrives %s changes nothing', async (_, damage) => {
  const { header, tar } = await copyOf(server);
  const result = await putCopy(fresh, damage(tar), header);
  expect(result).toMatchObject({ exitCode: 65, stderr: expect.stringContaining('nothing was changed') });
  expect(await readdir(join(fresh, 'var/lib/rancher/k3s/server'))).toEqual([]);
});

test('a tar that would write elsewhere is refused', async () => {
  const file = join(directory, 'evil.tar');
  const script = `import io, sys, tarfile
with tarfile.open(sys.argv[1], mode="w") as tar:
    entry = tarfile.TarInfo("server/tls/../../../../../../escaped"); entry.size = 1
    tar.addfile(entry, io.BytesIO(b"x"))`;
  await run('python3', ['-c', script, file]);
  const tar = await readFile(file);
  const sha256 = createHash('sha256').update(tar).digest('hex');
  const result = await putCopy(fresh, tar, { bytes: tar.length, sha256, node: 'atelier' });
  expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('belongs to no datastore') });
  expect(await readdir(directory)).not.toContain('escaped');
});

test('where there is no cluster it says so, and one in etcd too', async () => {
  const print = () => run('python3', [datastoreProgram, 'print'], { env: { SOCLE_ROOT: fresh }, accept: [66] });
  expect((await print()).stderr).toContain('no cluster on this host');
  await mkdir(join(fresh, 'var/lib/rancher/k3s/server/db/etcd'), { recursive: true });
  expect((await print()).stderr).toContain('etcd');
});

test.each(['', 'no line', '{"format":"socle-datastore/2"}\n', 'not JSON\n'])('%j is no copy', async (text) => {
  await expect(readHeader(Readable.from([Buffer.from(text)]))).rejects.toMatchObject({ code: 'copy-incomplete' });
});
