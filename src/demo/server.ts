import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { newestServerTools } from '../database/client-tools.ts';
import { fail } from '../kernel/errors.ts';
import { run, type StartedProcess, start } from '../kernel/process.ts';

/** A PostgreSQL server of our own: unix socket only, and nobody but root and its own user reaches the socket. */
export interface ThrowAwayServer {
  /** Directory of the socket: `host` of a connection. */
  readonly host: string;
  readonly port: number;
  readonly bin: string;
  readonly version: string;
  /** A connected client, as the superuser `postgres` unless named; the caller ends it. */
  connect(database?: string, user?: string): Promise<pg.Client>;
  /** Ends it at once; its files are the caller's. May be called twice. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** An existing directory that the server's user may pass through; `data` and `run` are made in it. */
  readonly directory: string;
  /** Lines for postgresql.conf. */
  readonly settings?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const port = 5432;
const patienceMs = 60_000;

/** PostgreSQL refuses to run as root; the user `postgres` comes with Debian's package. */
async function serverUser(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  );
  return { uid: uid as number, gid: gid as number };
}

/**
 * Makes and starts a server of the newest installed version with PostgreSQL's default durability. The kernel ends it when this process dies.
 * @throws `tool-missing`, `command-failed` with what the server said
 */
export async function startServer({ directory, settings = [], signal }: ServerOptions): Promise<ThrowAwayServer> {
  const { bin, version } = await newestServerTools();
  const user = await serverUser();
  const [data, host] = [join(directory, 'data'), join(directory, 'run')];
  for (const path of [data, host]) {
    await mkdir(path, { mode: 0o700 });
    if (user) await chown(path, user.uid, user.gid);
  }
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8'];
  const options = { signal, cwd: '/', ...user };
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', ...locale], options);
  const config = [
    "listen_addresses = ''",
    `unix_socket_directories = '${host}'`,
    "log_min_messages = 'fatal'",
    ...settings,
  ];
  await writeFile(join(data, 'postgresql.auto.conf'), `${config.join('\n')}\n`);

  const identity = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : [];
  const child = start('setpriv', [...identity, '--pdeathsig', 'QUIT', '--', join(bin, 'postgres'), '-D', data], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const server = new Server(child, { host, bin, version });
  try {
    await server.answers(signal);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class Server implements ThrowAwayServer {
  readonly host: string;
  readonly port = port;
  readonly bin: string;
  readonly version: string;
  readonly #child: StartedProcess;
  #said = '';
  #running = true;

  constructor(child: StartedProcess, { host, bin, version }: { host: string; bin: string; version: string }) {
    this.#child = child;
    this.host = host;
    this.bin = bin;
    this.version = version;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-4_000);
    });
    // Before its files are removed, should this process exit without `stop`.
    const atExit = () => child.kill('SIGQUIT');
    process.prependOnceListener('exit', atExit);
    void child.ended.then(() => {
      this.#running = false;
      process.off('exit', atExit);
    });
  }

  async connect(database = 'postgres', user = 'postgres'): Promise<pg.Client> {
    const client = new pg.Client({ host: this.host, port, user, database });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  async answers(signal?: AbortSignal): Promise<void> {
    const end = performance.now() + patienceMs;
    for (;;) {
      signal?.throwIfAborted();
      try {
        await (await this.connect()).end();
        return;
      } catch (error) {
        if (this.#running && performance.now() < end) await delay(30);
        else
          throw fail('command-failed', 'the throw-away PostgreSQL did not start', { output: this.#said.trim() }, error);
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#running) this.#child.kill('SIGQUIT');
    await this.#child.ended;
  }
}
