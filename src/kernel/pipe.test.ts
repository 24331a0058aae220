import { createHash } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { openPipe, type Pipe } from './pipe.ts';
import { run, type StartedProcess, start } from './process.ts';

/** A child that writes into a pipe of ours. */
async function writing(script: string): Promise<{ pipe: Pipe; child: StartedProcess }> {
  const pipe = await openPipe();
  const child = start('sh', ['-c', script], { stdio: ['ignore', pipe.input, 'ignore'] });
  pipe.started();
  return { pipe, child };
}

async function read(pipe: Pipe): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await pipe.read((chunk) => void chunks.push(Buffer.from(chunk)));
  pipe.close();
  return Buffer.concat(chunks);
}

test('a large stream comes whole and in order, whatever pieces it is written in', async () => {
  const { pipe, child } = await writing('seq 1 1000000');
  const hash = createHash('sha256').update(Array.from({ length: 1e6 }, (_, i) => `${i + 1}\n`).join(''));
  const found = await read(pipe);
  expect(createHash('sha256').update(found).digest('hex')).toBe(hash.digest('hex'));
  expect((await child.ended).exitCode).toBe(0);
});

test('what is written in between pauses is read, and so is nothing at all', async () => {
  expect((await read((await writing('printf a; sleep 0.05; printf b')).pipe)).toString()).toBe('ab');
  expect((await read((await writing('true')).pipe)).toString()).toBe('');
});

test('a machine without Perl, where the pipe stays narrow, reads the same', async () => {
  const programs = await mkdtemp(join(tmpdir(), 'socle-no-perl-'));
  for (const name of ['mkfifo', 'sh', 'seq']) {
    await symlink((await run('sh', ['-c', `command -v ${name}`])).stdout.trim(), join(programs, name));
  }
  vi.stubEnv('PATH', programs);
  try {
    const { pipe } = await writing('seq 1 100000');
    expect((await read(pipe)).toString().split('\n').length).toBe(100_001);
  } finally {
    vi.unstubAllEnvs();
    await rm(programs, { recursive: true });
  }
});

test('a chunk is valid until the promise for it has resolved', async () => {
  const { pipe } = await writing('seq 1 200000');
  const chunks: Buffer[] = [];
  let busy = false;
  await pipe.read(async (chunk) => {
    expect(busy).toBe(false);
    busy = true;
    const before = Buffer.from(chunk);
    await delay(2);
    expect(chunk.equals(before)).toBe(true);
    chunks.push(before);
    busy = false;
  });
  pipe.close();
  expect(Buffer.concat(chunks).toString()).toMatch(/^1\n2\n(\d+\n)*200000\n$/);
});

test('reading stops with the error of the reader, and when the pipe is closed; the child is not left hanging', async () => {
  const failing = await writing('yes');
  const why = new Error('enough');
  const rejected = failing.pipe.read(() => {
    throw why;
  });
  await expect(rejected).rejects.toBe(why);
  failing.pipe.close();
  expect((await failing.child.ended).exitCode).toBe(128 + 13);

  const closed = await writing('sleep 60');
  const reading = closed.pipe.read(() => {});
  closed.pipe.close();
  closed.pipe.close();
  await expect(reading).rejects.toThrow('closed before its end');
  closed.child.kill();
  await closed.child.ended;
});
