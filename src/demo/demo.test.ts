import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StartedProcess, start } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';
import { temporaryRoot } from '../kernel/surroundings.ts';
import { makePlace } from './place.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-test-demo-'));
  await chmod(root, 0o755);
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Processes that have to do with this test's directory: by their arguments or their working directory's name. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .map((pid) => {
      try {
        return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(root));
}

const demo = () => start(socle, ['demo'], { env: { TMPDIR: root }, stdio: ['ignore', 'ignore', 'pipe'] });
const place = () => readdirSync(root).find((name) => name.startsWith('socle-demo-')) ?? 'none';
const inPlace = (path: string) => existsSync(join(root, place(), path));

async function reached(what: () => boolean, child?: StartedProcess): Promise<void> {
  let ended = false;
  void child?.ended.then(() => {
    ended = true;
  });
  const until = performance.now() + 60_000;
  while (!what()) {
    if (ended || performance.now() > until) throw new Error('the demo did not get that far');
    await delay(20);
  }
}

test.each([
  ['SIGINT', 'while PostgreSQL starts', () => inPlace('data/PG_VERSION')],
  ['SIGTERM', 'while the sample is filled', () => inPlace('data/base') && inPlace('platform.yaml')],
  ['SIGINT', 'while the daemon starts', () => inPlace('daemon.log')],
] as const)('%s %s leaves nothing behind', async (signal, _when, moment) => {
  const child = demo();
  child.stderr?.resume();
  await reached(moment, child);
  expect(processes().length).toBeGreaterThan(0);
  child.kill(signal);
  expect((await child.ended).exitCode).toBe(130);
  expect(processes()).toEqual([]);
  expect(readdirSync(root)).toEqual([]);
});

test('a second SIGINT ends it at once, and leaves nothing behind either', async () => {
  const child = demo();
  child.stderr?.resume();
  await reached(() => inPlace('platform.yaml'), child);
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect((await child.ended).exitCode).toBe(130);
  await reached(() => processes().length === 0);
  expect(readdirSync(root)).toEqual([]);
});

test('a directory that only root may pass through is not used by root', async () => {
  const other = { TMPDIR: root };
  expect(temporaryRoot(other)).toBe(root);
  await chmod(root, 0o700);
  expect(temporaryRoot(other) === root).toBe(process.getuid?.() !== 0);
});

test('kill -9 takes every process with it, and the next one removes the directory', async () => {
  const child = demo();
  child.stderr?.resume();
  await reached(() => inPlace('platform.yaml'), child);
  child.kill('SIGKILL');
  await child.ended;
  await reached(() => processes().length === 0);
  expect(readdirSync(root)).toHaveLength(1);
  const next = await makePlace('socle-demo-', root);
  expect(readdirSync(root)).toEqual([next.directory.slice(root.length + 1)]);
  await next.remove();
  expect(readdirSync(root)).toEqual([]);
});
