import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** Where Debian keeps programs. They come before what the caller's PATH names: a `sort` of a project's is not ours. */
const systemPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

/**
 * Variables that change what libraries and programs of ours do, and that no one sets for Socle: libpq's (the `pg` package
 * reads them, too), restic's and Git's own, and those that load foreign code into a process or take its checks away.
 */
const foreign =
  /^(PG[A-Z_]+|RESTIC_[A-Z_]+|GIT_[A-Z_]+|LD_[A-Z_]+|NODE_(OPTIONS|PATH|TLS_REJECT_UNAUTHORIZED|PG_FORCE_NATIVE)|BASH_ENV|ENV|LANG|LANGUAGE|LC_[A-Z]+)$/;

/**
 * Makes this process, and every program that it starts, the same whoever started it and from where: umask, working
 * directory, search path, home, directory for temporary files, variables of other programs. Called once, before anything
 * else. Limits of resources are raised in `bin/socle`: Node has no call for it.
 */
export function settleSurroundings(env: NodeJS.ProcessEnv = process.env): void {
  // What is secret is made with mode 0600 where it is made; what another user has to read must not depend on the caller.
  process.umask(0o022);
  try {
    process.cwd();
  } catch {
    process.chdir('/');
  }
  for (const name of Object.keys(env)) if (foreign.test(name)) delete env[name];
  env.PATH = searchPath(env);
  env.HOME = homeDirectory(env);
  env.TMPDIR = temporaryRoot(env);
  survivesClosedTerminal();
}

/** `$SOCLE_PATH`, the system's directories, then the caller's: absolute ones alone, each once. */
export function searchPath(env: NodeJS.ProcessEnv): string {
  const split = (text = '') => text.split(':').filter((directory) => directory.startsWith('/'));
  return [...new Set([...split(env.SOCLE_PATH), ...systemPath, ...split(env.PATH)])].join(':');
}

/** `$HOME` where it is one, else what the account says, else `/`. */
function homeDirectory(env: NodeJS.ProcessEnv): string {
  if (env.HOME?.startsWith('/') && isDirectory(env.HOME)) return env.HOME;
  try {
    return userInfo().homedir || '/';
  } catch {
    // A user number without an account, as containers have.
    return '/';
  }
}

/**
 * Where large throw-away files belong: `$TMPDIR`, else `/var/tmp` (`/tmp` may be in memory), else `/tmp`. Root runs
 * servers as another user, who has to pass through: a directory of root's alone (libpam-tmpdir) is of no use then.
 */
export function temporaryRoot(env: NodeJS.ProcessEnv = process.env): string {
  const candidates = [env.TMPDIR, '/var/tmp', '/tmp'];
  return candidates.find((directory) => directory?.startsWith('/') && usable(directory)) ?? '/tmp';
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function usable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return isDirectory(directory) && (process.getuid?.() !== 0 || passable(realpathSync(directory)));
  } catch {
    return false;
  }
}

const passable = (directory: string): boolean =>
  (statSync(directory).mode & 0o001) !== 0 && (directory === '/' || passable(dirname(directory)));

/** Messages go to a terminal that may be gone, or into a pipe that was closed: the work goes on all the same. */
function survivesClosedTerminal(): void {
  process.stderr.on('error', () => {});
}
