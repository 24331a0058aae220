import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../test/support/until.ts';
import { runSteps } from './job-process.ts';

test('a job that does not end is killed with all that it started', async () => {
  const root = await mkdtemp(join(tmpdir(), 'socle-job-'));
  // A mark of this run's own, in the arguments of a process that heeds neither SIGTERM nor SIGINT.
  const mark = `600.${process.pid}`;
  const stuck = `trap "" TERM INT HUP; while :; do sleep ${mark}; done`;
  const left = () =>
    execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(mark))
      .map((line) => Number(line.trim().split(' ')[0]));
  try {
    const configFile = join(root, 'platform.yaml');
    const password = JSON.stringify({ command: ['sh', '-c', stuck] });
    await writeFile(
      configFile,
      `name: t\nenvironment: dev\nbackup: {vault: {repository: vault, password: ${password}}}\nops: {state: state}\n`,
    );
    const stop = new AbortController();
    const step = { name: 'check', args: ['vault', 'check'] };
    const running = runSteps([step], { configFile, signal: stop.signal, graceMs: 500 });
    await until('the job waits for its child', () => left().length >= 2);
    stop.abort();
    expect(await running).toMatchObject({ state: 'interrupted' });
    await until('all of it has ended', () => left().length === 0, 5);
  } finally {
    for (const pid of left()) process.kill(pid, 'SIGKILL');
    await rm(root, { recursive: true, force: true });
  }
}, 60_000);
