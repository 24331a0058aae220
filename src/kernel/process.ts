import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { execa, type Options } from 'execa';
import { noteEnded } from './debug.ts';
import { fail } from './errors.ts';

/** Programs see these variables of ours and nothing else unless the call names it: a secret never leaks by inheritance. */
const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TZ'] as const;

export interface RunOptions {
  readonly cwd?: string | undefined;
  /** Added to the small environment that every child gets. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly input?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; none means no limit. */
  readonly timeout?: number | undefined;
  /** Exit codes that are answers and not failures; default `[0]`. */
  readonly accept?: readonly number[] | undefined;
  /** Do not repeat what the program printed in an error. */
  readonly sensitive?: boolean | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a child: ours reduced to what programs need, `LC_ALL=C.UTF-8`, and `extra`. */
export function childEnvironment(extra: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: 'C.UTF-8' };
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  for (const [name, value] of Object.entries(extra)) if (value !== undefined) env[name] = value;
  return env;
}

/** A running program: Node's own streams, and how it ended. */
export interface StartedProcess {
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  kill(signal?: NodeJS.Signals): boolean;
  /** Resolves when it has ended, however it ended; never rejects. */
  readonly ended: Promise<Ended>;
}

export interface Ended {
  /** As a shell gives it: 128 + the signal's number when a signal ended it; 127 when it could not be started. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
  /** Ended because the caller's `signal` aborted. */
  readonly aborted: boolean;
}

export interface StartOptions extends Omit<RunOptions, 'input' | 'accept' | 'sensitive'> {
  /** `pipe`, `ignore`, `inherit` or a file descriptor, each for stdin, stdout, stderr and further ones. */
  readonly stdio?: ReadonlyArray<'pipe' | 'ignore' | 'inherit' | number> | undefined;
  readonly detached?: boolean | undefined;
}

/**
 * Starts a program whose streams the caller handles (default: stdin ignored, stdout and stderr piped: read them). It
 * is killed when we exit, and when `signal` aborts: SIGTERM, then SIGKILL after 5 s.
 */
export function start(file: string, args: readonly string[], options: StartOptions = {}): StartedProcess {
  const { env, signal, timeout, stdio = ['ignore', 'pipe', 'pipe'], ...rest } = options;
  const began = performance.now();
  const subprocess = execa(file, [...args], {
    ...(rest as Options),
    stdio: [...stdio] as ['ignore', 'pipe', 'pipe'],
    buffer: false,
    reject: false,
    cleanup: true,
    forceKillAfterDelay: 5_000,
    env: childEnvironment(env),
    extendEnv: false,
    ...(signal ? { cancelSignal: signal } : {}),
    ...(timeout ? { timeout } : {}),
  });
  const child = subprocess.nodeChildProcess;
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    kill: (name) => child.kill(name),
    ended: subprocess.then((result) => {
      const exitCode = result.exitCode ?? (result.signal ? 128 + (constants.signals[result.signal] ?? 0) : 127);
      noteEnded({ file, args, end: result.signal ?? exitCode, ms: performance.now() - began });
      return { exitCode, signal: result.signal ?? null, aborted: result.isCanceled };
    }),
  };
}

/**
 * Runs a program to its end and returns what it printed.
 * @throws `tool-missing` when it is not installed, `timeout`, `interrupted`, or `command-failed` with its last lines
 */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { env, signal, accept = [0], sensitive = false, timeout, input, ...rest } = options;
  const began = performance.now();
  const result = await execa(file, [...args], {
    reject: false,
    stdin: input === undefined ? 'ignore' : 'pipe',
    ...(input === undefined ? {} : { input }),
    cleanup: true,
    forceKillAfterDelay: 5_000,
    maxBuffer: 512 * 1024 * 1024,
    ...(rest as Options),
    env: childEnvironment(env),
    extendEnv: false,
    ...(signal ? { cancelSignal: signal } : {}),
    ...(timeout ? { timeout } : {}),
  });
  const stdout = String(result.stdout ?? '');
  const stderr = String(result.stderr ?? '');
  noteEnded({
    file,
    args,
    end: result.signal ?? result.exitCode ?? String(result.code),
    ms: performance.now() - began,
    ...(sensitive ? {} : { stderr: lastLines(stderr) }),
  });
  if (result.isCanceled) throw fail('interrupted', `${file} was interrupted`);
  if (result.timedOut) throw fail('timeout', `${file} did not end within ${(timeout ?? 0) / 1000} s`);
  if (result.code === 'ENOENT') throw fail('tool-missing', `${file} is not installed`, { tool: file });
  if (result.code === 'EACCES') throw fail('tool-missing', `${file} may not be run by this user`, { tool: file });
  const exitCode = result.exitCode ?? 128 + (result.signal ? (constants.signals[result.signal] ?? 0) : 0);
  if (!accept.includes(exitCode)) {
    throw fail('command-failed', `${file} ended with ${result.signal ?? exitCode}`, {
      exitCode,
      ...(sensitive ? {} : { output: lastLines(stderr || stdout) }),
    });
  }
  return { exitCode, stdout, stderr };
}

/** The end of a program's output, short enough for an error. */
export function lastLines(text: string, lines = 12): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n').slice(-4_000);
}
