import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join, normalize } from 'node:path';
import { run, type StartedProcess, start } from '../../src/kernel/process.ts';

/** A package with the right name: what it needs, and what it puts where. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  /** Programs by their path; each prints its text. */
  readonly programs?: Readonly<Record<string, string>>;
}

/** An apt repository with one suite and a key of its own, made by the tools that real ones are made by. */
export class AptRepository {
  readonly directory: string;
  readonly suite: string;
  readonly #home: string;
  #server: StartedProcess | undefined;

  /** @param directory an empty one; its path is short, as that of the key's agent has to be */
  constructor(directory: string, suite: string) {
    this.directory = directory;
    this.suite = suite;
    this.#home = join(directory, 'gnupg');
  }

  /** The files that are served. */
  get root(): string {
    return join(this.directory, 'www');
  }

  get #pool(): string {
    return join(this.root, 'pool');
  }

  #gpg(...args: string[]) {
    return run('gpg', ['--homedir', this.#home, '--batch', '--yes', '--pinentry-mode', 'loopback', ...args], {
      cwd: this.directory,
    });
  }

  async makeKey(): Promise<void> {
    await mkdir(this.#home, { mode: 0o700 });
    await this.#gpg('--passphrase', '', '--quick-generate-key', 'of a test', 'rsa3072', 'sign', 'never');
  }

  /** The public key in base64, as a keyring has it. */
  async key(): Promise<string> {
    const { stdout } = await run('sh', ['-c', 'gpg --homedir "$1" --export | base64 -w0', 'sh', this.#home]);
    return stdout.trim();
  }

  async add({ name, version, depends, programs = {} }: Package): Promise<void> {
    const tree = join(this.directory, 'tree');
    await rm(tree, { recursive: true, force: true });
    const control = { Package: name, Version: version, Architecture: 'all', Maintainer: 'a test <t@example.net>' };
    const fields = { ...control, ...(depends ? { Depends: depends } : {}), Description: 'made by a test' };
    const lines = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`);
    await mkdir(join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 });
    await writeFile(join(tree, 'DEBIAN/control'), lines.join(''));
    for (const [path, text] of Object.entries(programs)) {
      await mkdir(join(tree, dirname(path)), { recursive: true, mode: 0o755 });
      await writeFile(join(tree, path), `#!/bin/sh\necho '${text}'\n`);
      await chmod(join(tree, path), 0o755);
    }
    await mkdir(this.#pool, { recursive: true });
    await run('dpkg-deb', ['--root-owner-group', '--build', tree, this.#pool]);
  }

  /** A package as it is, under another version; what it needs of exactly its old version it then needs of the new one. */
  async addAgain(file: string, version: string): Promise<void> {
    const tree = join(this.directory, 'tree');
    await rm(tree, { recursive: true, force: true });
    await mkdir(this.#pool, { recursive: true });
    const { stdout } = await run('dpkg-deb', ['--field', file, 'Version']);
    await run('dpkg-deb', ['--raw-extract', file, tree]);
    const control = join(tree, 'DEBIAN/control');
    await run('sed', [
      '-i',
      `/^\\(Version\\|Depends\\|Breaks\\|Replaces\\):/s/${stdout.trim().replaceAll('.', '\\.')}/${version}/g`,
      control,
    ]);
    await run('dpkg-deb', ['--root-owner-group', '--build', tree, this.#pool]);
  }

  /** Lists and signs what is there, as PGDG does: the origin is what pins go by. */
  async publish(): Promise<void> {
    const suite = join(this.root, 'dists', this.suite);
    const archive = (words: string) => run('sh', ['-euc', words], { cwd: this.root });
    const lists = `dists/${this.suite}/main/binary-amd64`;
    await archive(`mkdir -p ${lists}; apt-ftparchive packages pool > ${lists}/Packages; gzip -kf ${lists}/Packages`);
    const fields = {
      Origin: 'apt.postgresql.org',
      Label: 'PostgreSQL for Debian/Ubuntu repository',
      Suite: this.suite,
      Codename: this.suite,
      Architectures: 'amd64',
      Components: 'main',
    };
    const options = Object.entries(fields).map(([key, value]) => `-o 'APT::FTPArchive::Release::${key}=${value}'`);
    await archive(`rm -f ${suite}/*Release*; apt-ftparchive ${options.join(' ')} release ${suite} > ../Release`);
    await run('mv', ['Release', join(suite, 'Release')], { cwd: this.directory });
    await this.#gpg('--clear-sign', '--output', join(suite, 'InRelease'), join(suite, 'Release'));
    await this.#gpg('--detach-sign', '--armor', '--output', join(suite, 'Release.gpg'), join(suite, 'Release'));
  }

  /** @param namespace process whose network it listens in */
  async serve(namespace: number, port: number): Promise<void> {
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', import.meta.filename];
    const inside = [`--net=/proc/${namespace}/ns/net`, '--', ...node, this.root, String(port)];
    this.#server = start('nsenter', inside, { stdio: ['ignore', 'pipe', 'inherit'] });
    if (!this.#server.stdout) throw new Error('the server has no output');
    await once(this.#server.stdout, 'data');
  }

  async stop(): Promise<void> {
    this.#server?.kill('SIGTERM');
    await this.#server?.ended;
    this.#server = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    await run('gpgconf', ['--homedir', this.#home, '--kill', 'all']);
    await rm(this.directory, { recursive: true, force: true });
  }
}

function serve(root: string, port: number): void {
  const server = createServer(async (request, response) => {
    const path = join(root, normalize(decodeURIComponent(request.url ?? '/')));
    const found = await stat(path).catch(() => null);
    if (!found?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-length': found.size });
    return createReadStream(path).pipe(response);
  });
  server.listen(port, '0.0.0.0', () => process.stdout.write('ready\n'));
}

if (process.argv[1] === import.meta.filename) serve(process.argv[2] ?? '', Number(process.argv[3]));
