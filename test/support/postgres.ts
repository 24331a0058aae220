import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { run, type StartedProcess, start } from '../../src/kernel/process.ts';

/** A real PostgreSQL server for tests: own directory, unix socket only, trust, superuser `postgres`. */
export interface TestServer {
  /** Directory of the socket: `host` of a connection. */
  readonly host: string;
  readonly port: number;
  readonly data: string;
  readonly bin: string;
  /** Runs SQL as superuser, in `postgres` unless named. */
  sql(text: string, database?: string): Promise<pg.QueryResult>;
  /** A connected client; the caller ends it. */
  connect(database?: string, user?: string): Promise<pg.Client>;
  /** A new empty database with a name of its own. */
  createDatabase(prefix?: string): Promise<string>;
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
  stop(): Promise<void>;
}

const template = () => join(process.env.SOCLE_TEST_TEMPLATE ?? '', 'data');

/** Directory of the newest installed server's programs. */
export async function newestBin(): Promise<string> {
  const majors = (await readdir('/usr/lib/postgresql')).map(Number).sort((a, b) => b - a);
  return `/usr/lib/postgresql/${majors[0]}/bin`;
}

/** PostgreSQL refuses to run as root: then its own system user does. */
async function identity(): Promise<{ uid?: number; gid?: number }> {
  if (userInfo().uid !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  );
  return { uid: uid as number, gid: gid as number };
}

/** One `initdb` for the whole test run; each server copies it. */
export async function preparePostgresTemplate(): Promise<() => Promise<void>> {
  const root = await mkdtemp(join(tmpdir(), 'socle-template-'));
  const who = await identity();
  await chmod(root, 0o755);
  await makeCluster(await newestBin(), join(root, 'data'), root, who);
  process.env.SOCLE_TEST_TEMPLATE = root;
  return () => rm(root, { recursive: true, force: true });
}

/** initdb in a directory that its user may write to. */
async function makeCluster(bin: string, data: string, root: string, who: { uid?: number; gid?: number }) {
  if (who.uid !== undefined && who.gid !== undefined) await chown(root, who.uid, who.gid);
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...who, cwd: '/' },
  );
}

/** A copy that starts as a standby. */
async function copyPrimary(
  bin: string,
  { host, port }: TestServer,
  data: string,
  root: string,
  who: { uid?: number; gid?: number },
) {
  if (who.uid !== undefined && who.gid !== undefined) await chown(root, who.uid, who.gid);
  const from = ['-h', host, '-p', String(port), '-U', 'postgres'];
  await run(
    join(bin, 'pg_basebackup'),
    [...from, '-D', data, '--checkpoint=fast', '--no-sync', '--write-recovery-conf'],
    { ...who, cwd: '/' },
  );
}

const primaryOf = ({ host, port }: TestServer) => `primary_conninfo = 'host=${host} port=${port} user=postgres'`;

export interface TestServerOptions {
  /** Directory of another major's programs; by default those of the newest installed one. */
  readonly bin?: string;
  /** Lines for postgresql.conf. */
  readonly config?: readonly string[];
  readonly hba?: readonly string[];
  /** Replicates from this server, and only reads. */
  readonly standbyOf?: TestServer;
}

export async function startPostgres(options: TestServerOptions = {}): Promise<TestServer> {
  const root = await mkdtemp(join(tmpdir(), 'socle-pg-'));
  const who = await identity();
  const data = join(root, 'data');
  const host = join(root, 'run');
  const bin = options.bin ?? (await newestBin());
  await chmod(root, 0o755);
  if (options.standbyOf) await copyPrimary(bin, options.standbyOf, data, root, who);
  else if (options.bin === undefined) await cp(template(), data, { recursive: true });
  else await makeCluster(bin, data, root, who);
  await mkdir(host);
  await writeFile(
    join(data, 'postgresql.auto.conf'),
    [
      "listen_addresses = ''",
      `unix_socket_directories = '${host}'`,
      'unix_socket_permissions = 0777',
      'fsync = off',
      'max_connections = 60',
      'autovacuum = off',
      "log_min_messages = 'fatal'",
      ...(options.standbyOf ? [primaryOf(options.standbyOf)] : []),
      ...(options.config ?? []),
    ].join('\n'),
  );
  if (options.hba) await writeFile(join(data, 'pg_hba.conf'), `${options.hba.join('\n')}\nlocal all all trust\n`);
  if (who.uid !== undefined) await run('chown', ['-R', `${who.uid}:${who.gid}`, root]);
  await chmod(data, 0o700);

  const port = 5432;
  let child: StartedProcess;
  let running = false;
  const connect = async (database = 'postgres', user = 'postgres') => {
    const client = new pg.Client({ host, port, user, database });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const boot = async () => {
    child = start(join(bin, 'postgres'), ['-D', data], {
      ...who,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    running = true;
    void child.ended.then(() => {
      running = false;
    });
    for (;;) {
      try {
        const client = await connect();
        await client.end();
        return;
      } catch (error) {
        if (!running) throw new Error('the test server did not start', { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const halt = async (mode: 'fast' | 'immediate') => {
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await child.ended;
  };
  await boot();
  let databases = 0;
  const sql: TestServer['sql'] = async (text, database) => {
    const client = await connect(database);
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  };
  return {
    host,
    port,
    data,
    bin,
    connect,
    sql,
    async createDatabase(prefix = 'db') {
      databases += 1;
      const name = `${prefix}_${databases}`;
      await sql(`CREATE DATABASE "${name}" TEMPLATE template0`);
      return name;
    },
    async restart(mode = 'fast') {
      await halt(mode);
      await boot();
    },
    async stop() {
      await halt('immediate');
      await rm(root, { recursive: true, force: true });
    },
  };
}
