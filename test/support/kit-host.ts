import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type StartedProcess, start } from '../../src/kernel/process.ts';
import { program as socle } from '../../src/kernel/program.ts';
import { freePort } from './sshd.ts';
import { until } from './until.ts';

/**
 * A host with an `/etc/socle` of its own: a real sshd in a mount namespace where an overlay lies over `/etc`, and Socle's
 * command line in its PATH. Root only. Nothing of the machine below is changed.
 */
export interface KitHost {
  readonly port: number;
  /** A private key that logs in as root. */
  readonly identity: string;
  /** For `known_hosts`, without the name of the host. */
  readonly hostKey: string;
  /** A path below the host's `/etc`, seen from outside. */
  etc(path: string): string;
  /** Runs Socle there. */
  socle(...args: string[]): Promise<{ exitCode: number; answer: unknown }>;
  stop(): Promise<void>;
}

export async function startKitHost(files: Readonly<Record<string, string>>): Promise<KitHost> {
  const root = await mkdtemp(join(tmpdir(), 'socle-kit-host-'));
  const at = (...path: string[]) => join(root, ...path);
  const port = await freePort();
  for (const name of ['upper', 'work', 'bin', 'home']) await mkdir(at(name), { mode: 0o755 });
  for (const key of ['host', 'client']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', at(key)]);
  }
  await run('cp', [at('client.pub'), at('authorized_keys')]);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(at('upper', name), '..'), { recursive: true });
    await writeFile(at('upper', name), text, { mode: 0o600 });
  }
  const env = `HOME=${at('home')} SOCLE_CONFIG=/etc/socle/platform.yaml`;
  await writeFile(at('bin/socle'), `#!/bin/sh\nexec env ${env} ${socle} "$@"\n`);
  await chmod(at('bin/socle'), 0o755);
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  await writeFile(
    at('sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      `SetEnv PATH=${at('bin')}:/usr/sbin:/usr/bin:/sbin:/bin`,
      ...['PidFile none', 'UsePAM no', 'StrictModes no', 'PermitRootLogin prohibit-password', 'LogLevel ERROR', ''],
    ].join('\n'),
  );
  const overlay = `lowerdir=/etc,upperdir=${at('upper')},workdir=${at('work')}`;
  const inside = (command: string) => `mount -t overlay overlay -o ${overlay} /etc && ${command}`;
  const server: StartedProcess = start(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', inside(`exec /usr/sbin/sshd -D -e -f ${at('sshd_config')}`)],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  const log = ['-i', at('client'), '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=no', '-F', 'none'];
  const login = [
    ...log,
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'LogLevel=ERROR',
    '-p',
    String(port),
    'root@127.0.0.1',
  ];
  const codes = Array.from({ length: 256 }, (_, code) => code);
  await until('sshd answers', async () => (await run('ssh', [...login, 'true'], { accept: codes })).exitCode === 0);
  return {
    port,
    identity: at('client'),
    hostKey: (await readFile(at('host.pub'), 'utf8')).trim(),
    etc: (path) => at('upper', path),
    async socle(...args) {
      const { exitCode, stdout } = await run('ssh', [...login, 'socle', ...args, '--json'], { accept: codes });
      return { exitCode, answer: JSON.parse(stdout) };
    },
    async stop() {
      server.kill('SIGTERM');
      await server.ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}
