import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silent } from '../kernel/progress.ts';
import { followUnit } from './run.ts';
import type { Way } from './ssh.ts';

const record = JSON.stringify({
  record: {
    ...{ id: 'r-1', status: 'done', check: false, only: [], revision: null, actor: 'laptop', key: null },
    ...{ startedAt: '', endedAt: null, seconds: 2, tasks: 1, changed: [], failed: [], roles: {} },
  },
});
const task = '{"event": "task", "role": "baseline", "task": "one"}';
const target = { platform: 'shop', user: 'root', port: 22, knownHosts: '/dev/null', identity: undefined };
const ways: Way[] = [{ kind: 'public', address: '127.0.0.1' }];
const patience = 1_500;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-run-'));
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

/** What ssh prints and ends with: what the first connection does, and then all others. */
async function ssh(first: string, then: string) {
  const script = `#!/bin/sh
cd ${directory}
if [ -e again ]; then ${then}; else touch again; echo; ${first}; fi
`;
  await writeFile(join(directory, 'ssh'), script);
  await chmod(join(directory, 'ssh'), 0o755);
}

const follow = (milliseconds = patience) =>
  followUnit({ target, progress: silent, signal: undefined, patience: milliseconds }, ways, 'socle-run.service', 'r-1');

test('a connection that is lost in a long task is given its full time to come back', async () => {
  await ssh(`echo '${task}'; sleep 2; exit 255`, `echo; echo '${record}'`);
  expect(await follow()).toMatchObject({ id: 'r-1', status: 'done' });
});

test('a line that came in part comes once more', async () => {
  await ssh(`echo '${task}'; printf '%s' '${record.slice(0, 90)}'; exit 255`, `echo; echo '${record}'`);
  expect(await follow()).toMatchObject({ id: 'r-1', status: 'done' });
});

test('a line that no loss has cut and nobody understands is an error', async () => {
  await ssh('echo nonsense', `echo; echo '${record}'`);
  await expect(follow()).rejects.toThrow(SyntaxError);
});

test.each([
  ['a host that stays away', 'exit 255'],
  ['a host on which nothing tells of the run', 'echo; exit 127'],
])('%s is given up, and it is said that the run goes on', async (_what, then) => {
  await ssh('exit 255', then);
  await expect(follow()).rejects.toMatchObject({
    code: 'host-unreachable',
    message: expect.stringContaining('goes on'),
  });
});

test('a host key that changed while a run is followed is told at once, and so is a key that is not let in', async () => {
  const changed = 'echo "Host key verification failed." >&2; exit 255';
  await ssh(`echo '${task}'; exit 255`, changed);
  await expect(follow(600_000)).rejects.toMatchObject({ code: 'host-key-changed' });
  await rm(join(directory, 'again'));
  await ssh(`echo '${task}'; exit 255`, 'echo "debian@127.0.0.1: Permission denied (publickey)." >&2; exit 255');
  await expect(follow(600_000)).rejects.toMatchObject({ code: 'host-denied' });
});

test('another machine at one of two addresses is noted, and the run is followed at the other one', async () => {
  const other = 'case "$*" in *10.8.0.1*) echo "Host key verification failed." >&2; exit 255 ;; esac';
  await ssh(`echo '${task}'; exit 255`, `${other}; echo; echo '${record}'`);
  const notes: string[] = [];
  const both: Way[] = [...ways, { kind: 'vpn', address: '10.8.0.1' }];
  const progress = { ...silent, note: (text: string) => notes.push(text) };
  const deps = { target, progress, signal: undefined, patience };
  expect(await followUnit(deps, both, 'socle-run.service', 'r-1')).toMatchObject({ status: 'done' });
  expect(notes).toEqual(['10.8.0.1 shows another host key than /dev/null holds']);
});
