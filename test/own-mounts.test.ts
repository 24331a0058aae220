import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { start } from '../src/kernel/process.ts';
import { until } from './support/until.ts';

const ownMounts = fileURLToPath(new URL('../tools/own-mounts.sh', import.meta.url));

test('the tests of the Makefile run there', async () => {
  expect(await readFile(new URL('../Makefile', import.meta.url), 'utf8')).toMatch(
    /^VITEST := \.\/tools\/own-mounts\.sh /m,
  );
});

test.skipIf(process.getuid?.() !== 0)('what a killed test run has mounted is gone with it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-mounts-'));
  const script = 'mount -t tmpfs -o size=1m none "$1" && touch "$1/inside" && echo mounted && exec sleep infinity';
  const child = start(ownMounts, ['sh', '-c', script, 'sh', directory]);
  try {
    let said = '';
    child.stdout?.on('data', (chunk) => {
      said += chunk;
    });
    await until('the mount', () => said.includes('mounted'));
    expect(await readFile(`/proc/${child.pid}/mounts`, 'utf8')).toContain(directory);
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(directory);
    child.kill('SIGKILL');
    await child.ended;
    await writeFile(join(directory, 'free'), '');
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true });
  }
});
