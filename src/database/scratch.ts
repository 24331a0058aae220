import { closeSync, linkSync, lstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { fail, type SocleError } from '../kernel/errors.ts';
import { lastLines, type StartedProcess } from '../kernel/process.ts';
import { serverTools } from './client-tools.ts';
import type { ScratchServer } from './restored-server.ts';
import { port, type ScratchServerConfig, serverArguments } from './scratch-config.ts';
import { makePlace, processesIn, removePlace, type ScratchPlace } from './scratch-place.ts';
import { type Sight, startInside } from './scratch-programs.ts';
import { inside, type SandboxLimits } from './scratch-sandbox.ts';
import { systemCallFilter } from './scratch-seccomp.ts';
import { type ScratchLimits, watch } from './scratch-watch.ts';
import { unhinderedOptions } from './unhindered.ts';

export interface ScratchOptions extends Partial<Omit<ScratchServerConfig, 'memory'>> {
  /** Directory of all scratch servers; made when absent. */
  readonly root: string;
  readonly major: number;
  readonly limits: ScratchLimits;
  /** Name of the bootstrap superuser: that of the source, so that what it owned is owned by the same name. */
  readonly superuser?: string;
  /** The directory when it was made before, to fetch into while the server starts. */
  readonly place?: ScratchPlace;
  /** Ends the server at once, at any time of its life: all that waits for it, in whatever state, then waits no longer. */
  readonly signal?: AbortSignal;
  /** Paths outside of /usr that the server and its programs read on this machine. */
  readonly sight?: readonly string[];
}

/** How long a server may take to answer for the first time, and to let a connection in, ms. */
const patience = 60_000;
/** How long killed processes are waited for, ms: one that the kernel holds must not hold us. */
const burial = 15_000;

/**
 * An empty PostgreSQL server of one major version in a sandbox: hostile ground, since restored code runs in it. It has
 * a user of its own (when we are root), no network, no capability, sees no file of this machine but PostgreSQL's
 * programs, and dies with us.
 * @throws `sandbox-unavailable`, `tool-missing` or `scratch-failed`: nothing runs unfenced, and nothing is left behind
 */
export async function startScratch(options: ScratchOptions): Promise<ScratchServer> {
  const tools = await serverTools(options.major);
  const place = options.place ?? makePlace(options.root);
  const server = new Scratch(place, options, tools.bin);
  try {
    await server.boot();
    return server;
  } catch (error) {
    await server.destroy();
    throw error;
  }
}

class Scratch implements ScratchServer {
  readonly directory: string;
  readonly sandbox: string;
  versionNumber = 0;
  readonly #place: ScratchPlace;
  readonly #options: ScratchOptions;
  readonly #bin: string;
  readonly #limits: SandboxLimits;
  readonly #user: string;
  readonly #running = new Set<StartedProcess>();
  readonly #watch: ReturnType<typeof watch>;
  readonly #clients = new Set<pg.Client>();
  readonly #stop = () => {
    this.#failure ??= fail('interrupted', 'the scratch server was stopped');
    void this.#end();
  };
  #door: number | undefined;
  #failure: SocleError | null = null;
  #destroyed: Promise<void> | undefined;
  #log = '';

  constructor(place: ScratchPlace, options: ScratchOptions, bin: string) {
    this.#place = place;
    this.#options = options;
    this.#bin = bin;
    this.#user = options.superuser ?? 'postgres';
    this.directory = place.directory;
    const own = process.getuid?.() === 0 ? `own user ${place.user.uid}` : 'own user namespace';
    const filter = systemCallFilter() === null ? '' : ', system calls filtered';
    this.sandbox = `bubblewrap, ${own}, no network, no capabilities${filter}`;
    // One file may grow past the limit of the disk: the watch then ends the server and says why, instead of a write
    // that fails for no reason that anybody would know.
    this.#limits = { memory: options.limits.memory, file: options.limits.disk + 2 ** 30, processes: 256 };
    this.#watch = watch(
      place.directory,
      () => [...this.#running].map(({ pid }) => pid ?? 0).filter((pid) => pid > 0),
      options.limits,
      (why) => {
        this.#failure ??= why;
        void this.#end();
      },
    );
    options.signal?.addEventListener('abort', this.#stop, { once: true });
    if (options.signal?.aborted) this.#stop();
  }

  async boot(): Promise<void> {
    const { preloadLibraries = [], settings = {}, limits } = this.#options;
    await this.#probe();
    const locale = ['--encoding=UTF8', '--locale=C', '-A', 'trust', '-U', this.#user];
    // The empty cluster need not survive a power cut before the first row is in it.
    const initdb = this.#inside(['initdb', '-D', inside.data, '--no-sync', '--no-instructions', ...locale], {
      data: true,
    });
    await this.#finished('initdb', initdb);
    const config = serverArguments({ memory: limits.memory, preloadLibraries, settings });
    const server = this.#inside(['postgres', '-D', inside.data, ...config], { data: true, socket: 'run' });
    this.#keepLog(server);
    void server.ended.then(({ exitCode }) => {
      if (this.#destroyed === undefined) this.#failure ??= this.#died(`ended by itself with ${exitCode}`);
    });
    await this.#answers();
  }

  async connect(database: string): Promise<pg.Client> {
    if (this.#failure) throw this.#failure;
    const client = new pg.Client({
      host: this.#socketDirectory(),
      port,
      user: this.#user,
      database,
      connectionTimeoutMillis: patience,
      options: unhinderedOptions(this.#options.major * 10_000, true),
    });
    client.on('error', () => {});
    this.#clients.add(client);
    client.once('end', () => this.#clients.delete(client));
    try {
      await client.connect();
      return client;
    } catch (error) {
      this.#clients.delete(client);
      throw this.#failure ?? error;
    }
  }

  start: ScratchServer['start'] = (program, args, readable = [], options = {}) => {
    const { env, ...rest } = options;
    const own = { PGHOST: inside.socket, PGPORT: String(port), PGUSER: this.#user };
    return this.#inside([program, ...args], { socket: 'door', readable, env: { ...env, ...own } }, rest);
  };

  failure(): SocleError | null {
    return this.#failure;
  }

  log(): string {
    return this.#log;
  }

  peak(): { memory: number; disk: number } {
    return this.#watch.peak();
  }

  destroy(): Promise<void> {
    this.#destroyed ??= (async () => {
      this.#watch.stop();
      this.#options.signal?.removeEventListener('abort', this.#stop);
      await this.#end();
      if (this.#door !== undefined) closeSync(this.#door);
      this.#door = undefined;
      await removePlace(this.directory);
    })();
    return this.#destroyed;
  }

  /** Runs nothing in a sandbox like those of the real programs, to tell a missing sandbox from a broken server. */
  async #probe(): Promise<void> {
    const probe = startInside(this.#place, this.#limits, ['true'], { data: true, socket: 'run' });
    const output = collect(probe.stdout, probe.stderr);
    const { exitCode } = await probe.ended;
    if (exitCode === 0) return;
    const said = lastLines(await output, 4);
    throw fail(
      'sandbox-unavailable',
      `the scratch server cannot be fenced in: ${said || `bwrap ended with ${exitCode}`}`,
    );
  }

  #inside(
    [program = '', ...args]: readonly string[],
    sight: Sight,
    options?: Parameters<typeof startInside>[4],
  ): StartedProcess {
    if (this.#failure) throw this.#failure;
    const readable = [...(this.#options.sight ?? []), ...(sight.readable ?? [])];
    const command = [join(this.#bin, program), ...args];
    const child = startInside(this.#place, this.#limits, command, { ...sight, readable }, options);
    this.#running.add(child);
    void child.ended.then(() => this.#running.delete(child));
    return child;
  }

  async #finished(name: string, child: StartedProcess): Promise<void> {
    const output = collect(child.stdout, child.stderr);
    const { exitCode } = await child.ended;
    this.#log = await output;
    if (exitCode !== 0) throw this.#failure ?? this.#died(`${name} ended with ${exitCode}`);
  }

  #keepLog(server: StartedProcess): void {
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#log = (this.#log + chunk.toString()).slice(-64 * 1024);
      });
    }
  }

  async #answers(): Promise<void> {
    const end = performance.now() + patience;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      if (this.#failure) throw this.#failure;
      try {
        const client = await this.connect('postgres');
        const { rows } = await client.query('SHOW server_version_num');
        await client.end();
        this.versionNumber = Number(rows[0].server_version_num);
        return;
      } catch (error) {
        if (performance.now() > end) throw this.#died('did not answer in time', error);
        await delay(20);
      }
    }
  }

  /**
   * Where we connect: a hard link to the socket's own inode, in a directory that the sandbox cannot write. Code in
   * there could put a link to another server's socket in its place, and we would be its hands.
   */
  #socketDirectory(): string {
    if (this.#door === undefined) {
      const [made, kept] = ['run', 'door'].map((name) => join(this.directory, name, `.s.PGSQL.${port}`)) as [
        string,
        string,
      ];
      if (!lstatSync(made).isSocket()) throw new Error('the socket is not one');
      linkSync(made, kept);
      if (!lstatSync(kept).isSocket()) throw this.#died('put something else in the place of its socket');
      this.#door = openSync(join(this.directory, 'door'), 'r');
    }
    return `/proc/self/fd/${this.#door}`;
  }

  #died(how: string, cause?: unknown): SocleError {
    return fail('scratch-failed', `the scratch server ${how}`, { output: lastLines(this.#log) }, cause);
  }

  async #end(): Promise<void> {
    const children = [...this.#running];
    for (const child of children) child.kill('SIGKILL');
    // Their other ends are closed by now; a socket that is still being let in would wait for its time.
    for (const client of this.#clients) client.connection.stream.destroy();
    await Promise.race([Promise.all(children.map(({ ended }) => ended)), delay(burial, undefined, { ref: false })]);
    for (let attempt = 0; attempt < 250 && processesIn(this.directory).length > 0; attempt += 1) await delay(20);
  }
}

async function collect(...streams: readonly (Readable | null)[]): Promise<string> {
  let text = '';
  await Promise.all(
    streams.map(async (stream) => {
      for await (const chunk of stream ?? []) text = (text + String(chunk)).slice(-64 * 1024);
    }),
  );
  return text;
}
