import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { run, start } from '../../src/kernel/process.ts';
import { until } from './until.ts';

/** A real sshd on loopback with a host key and one authorized key of its own: nothing of the user's is read or changed. */
export interface TestSshd {
  readonly port: number;
  readonly user: string;
  /** A directory that the server serves, and that clients name by its absolute path. */
  readonly directory: string;
  /** Arguments for ssh: the key, and a strict check against a `known_hosts` of its own. */
  readonly arguments: string;
  stop(): Promise<void>;
}

export async function startSshd(): Promise<TestSshd> {
  const root = await mkdtemp(join(tmpdir(), 'socle-sshd-'));
  const user = userInfo().username;
  const port = await freePort();
  const file = (name: string) => join(root, name);
  for (const key of ['host', 'client']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', file(key)]);
  }
  await run('cp', [file('client.pub'), file('authorized_keys')]);
  const { stdout: hostKey } = await run('cat', [file('host.pub')]);
  await writeFile(file('known_hosts'), `[127.0.0.1]:${port} ${hostKey}`);
  await mkdir(file('served'));
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  await writeFile(
    file('sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('authorized_keys')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'Subsystem sftp internal-sftp',
      '',
    ].join('\n'),
  );
  const server = start('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const options = [
    `-i ${file('client')}`,
    '-o IdentitiesOnly=yes',
    '-o BatchMode=yes',
    '-o StrictHostKeyChecking=yes',
    `-o UserKnownHostsFile=${file('known_hosts')}`,
    '-o GlobalKnownHostsFile=/dev/null',
    '-F none',
  ].join(' ');
  await until('sshd answers', async () => {
    const args = [...options.split(' '), '-p', String(port), `${user}@127.0.0.1`, 'true'];
    return (await run('ssh', args, { accept: [0, 255] })).exitCode === 0;
  });
  return {
    port,
    user,
    directory: file('served'),
    arguments: options,
    async stop() {
      server.kill('SIGTERM');
      await server.ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('loopback gave no port');
  return address.port;
}
