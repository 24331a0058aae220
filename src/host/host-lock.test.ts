import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSshd, type TestSshd } from '../../test/support/sshd.ts';
import { until } from '../../test/support/until.ts';
import { silent } from '../kernel/progress.ts';
import { lockHost } from './host-lock.ts';
import type { SshTarget, Way } from './ssh.ts';

let sshd: TestSshd;
let root: string;
let target: SshTarget;
const way: Way = { kind: 'public', address: '127.0.0.1' };

/** The value of an option among the arguments for ssh. */
const named = (pattern: RegExp) => pattern.exec(sshd.arguments)?.[1] ?? '';

beforeAll(async () => {
  [sshd, root] = await Promise.all([startSshd(), mkdtemp(join(tmpdir(), 'socle-lock-'))]);
  const hostKey = (await readFile(named(/UserKnownHostsFile=(\S+)/), 'utf8')).replace(/^\S+/, 'socle-shop');
  await writeFile(join(root, 'known_hosts'), hostKey);
  const identity = named(/-i (\S+)/);
  target = { platform: 'shop', user: sshd.user, port: sshd.port, knownHosts: join(root, 'known_hosts'), identity };
});
afterAll(async () => {
  await sshd?.stop();
  await rm(root, { recursive: true, force: true });
});

const why = process.getuid?.() === 0 ? '' : '(SKIPPED: needs root, as whom the host is locked)';
const deps = () => ({ target, progress: silent, signal: undefined });
const lock = (actor: string, place = join(root, 'run')) => lockHost(deps(), way, actor, place);

test.skipIf(why !== '')(
  `one operator has the host at a time, and the second is told who it is ${why}`,
  async () => {
    {
      await using first = await lock('cli:anna');
      first.requireHeld();
      await expect(lock('cli:ben')).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringContaining('cli:anna, since'),
      });
      first.requireHeld();
      // Another host is another matter.
      await using _ = await lock('cli:ben', join(root, 'other'));
    }
    await using second = await lock('cli:ben');
    second.requireHeld();
  },
  60_000,
);

test.skipIf(why !== '')(
  `a connection that is lost holds nothing, and is told before a run is started ${why}`,
  async () => {
    const held = await lock('cli:anna');
    const sessions = () =>
      execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.includes(`${target.knownHosts}`) && /^ *\d+ ssh /.test(line))
        .map((line) => Number(line.trim().split(' ')[0]));
    expect(sessions()).toHaveLength(1);
    process.kill(sessions()[0] as number, 'SIGKILL');
    await until('the loss is seen', async () => {
      try {
        held.requireHeld();
        return false;
      } catch (error) {
        return (error as { code?: string }).code === 'host-unreachable';
      }
    });
    await using next = await lock('cli:ben');
    next.requireHeld();
    await held[Symbol.asyncDispose]();
  },
  60_000,
);

test.skipIf(why !== '')(`what the host refuses is told as ssh tells it ${why}`, async () => {
  const other = join(root, 'other_hosts');
  await writeFile(
    other,
    'socle-shop ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIc+ILEapaDfs0l2mFW+dD76AQakqPYQoVfUPq6kiJUG\n',
  );
  await expect(lockHost({ ...deps(), target: { ...target, knownHosts: other } }, way, 'x', root)).rejects.toMatchObject(
    { code: 'host-key-changed' },
  );
  await appendFile(join(root, 'file'), '');
  await expect(lock('x', join(root, 'file'))).rejects.toMatchObject({ code: 'command-failed' });
});
