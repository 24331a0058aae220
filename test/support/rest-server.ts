import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../../src/kernel/process.ts';
import { freePort } from './sshd.ts';
import { until } from './until.ts';

/** A real REST server for restic, `rclone serve restic`, on loopback and with a password. */
export interface TestRestServer {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** What is stored, for tests that damage it. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** @param options `appendOnly`: what is there can be neither changed nor removed, but for locks */
export async function startRestServer(
  password: string,
  { appendOnly = false }: { readonly appendOnly?: boolean } = {},
): Promise<TestRestServer> {
  const root = await mkdtemp(join(tmpdir(), 'socle-rest-'));
  const directory = join(root, 'served');
  const user = 'backup';
  const port = await freePort();
  await mkdir(directory);
  await writeFile(join(root, 'rclone.conf'), '');
  const server = start(
    'rclone',
    [
      'serve',
      'restic',
      '--config',
      join(root, 'rclone.conf'),
      '--addr',
      `127.0.0.1:${port}`,
      ...(appendOnly ? ['--append-only'] : []),
      directory,
    ],
    { stdio: ['ignore', 'ignore', 'ignore'], env: { RCLONE_USER: user, RCLONE_PASS: password } },
  );
  await until('rclone answers', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    await answer?.body?.cancel();
    return answer?.status === 401;
  });
  return {
    port,
    user,
    password,
    directory,
    async stop() {
      server.kill('SIGTERM');
      await server.ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}
