import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { run, start } from '../../src/kernel/process.ts';
import type { TestServer } from './postgres.ts';
import { until } from './until.ts';

export interface Pooler {
  /** Directory of its socket: `host` of a connection. */
  readonly host: string;
  readonly port: number;
  /** What an application sees through it: the search path of each session that it keeps open. */
  searchPaths(database: string, sessions: number): Promise<string[]>;
  stop(): Promise<void>;
}

/** A real PgBouncer before a test server, with one session for each database unless more are asked for at once. */
export async function startPgbouncer(
  server: TestServer,
  options: {
    readonly mode: 'session' | 'transaction' | 'statement';
    readonly ignore?: string;
    readonly hosts?: string;
  },
): Promise<Pooler> {
  const host = await mkdtemp(join(tmpdir(), 'socle-pgbouncer-'));
  const port = 6432;
  await writeFile(join(host, 'users'), '"postgres" ""\n');
  await writeFile(
    join(host, 'pgbouncer.ini'),
    `[databases]
* = host=${options.hosts ?? server.host} port=${server.port}
[pgbouncer]
listen_addr =
listen_port = ${port}
unix_socket_dir = ${host}
auth_type = trust
auth_file = ${host}/users
pool_mode = ${options.mode}
default_pool_size = 2
${options.ignore === undefined ? '' : `ignore_startup_parameters = ${options.ignore}`}
`,
  );
  // It refuses to run as root.
  let who: { uid?: number; gid?: number } = {};
  if (userInfo().uid === 0) {
    const ids = ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout));
    const [uid = 0, gid = 0] = await Promise.all(ids);
    who = { uid, gid };
    for (const file of ['', 'users', 'pgbouncer.ini']) await chown(join(host, file), uid, gid);
  }
  const child = start('pgbouncer', [join(host, 'pgbouncer.ini')], {
    ...who,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const open = async (database: string) => {
    const client = new pg.Client({ host, port, user: 'postgres', database });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  await until('PgBouncer answers', () =>
    open('postgres').then(
      (client) => client.end().then(() => true),
      () => false,
    ),
  );
  return {
    host,
    port,
    async searchPaths(database, sessions) {
      const clients = await Promise.all(Array.from({ length: sessions }, () => open(database)));
      // Held at the same time, so that each has a session of its own.
      await Promise.all(clients.map((client) => client.query('BEGIN')));
      const found = await Promise.all(
        clients.map((client) => client.query<{ search_path: string }>('SHOW search_path')),
      );
      await Promise.all(clients.map((client) => client.query('ROLLBACK').then(() => client.end())));
      return found.map(({ rows }) => rows[0]?.search_path ?? '');
    },
    async stop() {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await child.ended;
      clearTimeout(timer);
      await rm(host, { recursive: true, force: true });
    },
  };
}
