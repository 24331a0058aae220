import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { asSocleError, fail } from '../kernel/errors.ts';
import { lastLines, type RunResult, run, type StartedProcess, type StartOptions, start } from '../kernel/process.ts';
import { shellWord } from '../kernel/shell.ts';

/** How a host is reached; strict about its key, which is known by the platform's name on every address. */
export interface SshTarget {
  readonly platform: string;
  readonly user: string;
  readonly port: number;
  readonly knownHosts: string;
  /** A private key; otherwise ssh's own ones and the agent's. */
  readonly identity: string | undefined;
}

/** Where the host answers: its public address, or its address in the VPN. */
export interface Way {
  readonly kind: 'public' | 'vpn';
  readonly address: string;
}

/** One name for the host, whatever address it answers on. */
export const hostKeyAlias = (platform: string) => `socle-${platform}`;

/** ssh passes the agent's socket on to nobody; we need it to log in. */
const environment = () => ({ SSH_AUTH_SOCK: process.env.SSH_AUTH_SOCK });

/**
 * The ssh command for a shell script that runs as root. Its `$1` is `SSH_CONNECTION` of the log-in (sshd(8)), its
 * further arguments those given.
 */
export function rootCommand(target: SshTarget, way: Way, script: string, args: readonly string[] = []): string[] {
  const options = [
    ['HostKeyAlias', hostKeyAlias(target.platform)],
    ['UserKnownHostsFile', target.knownHosts],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', 'yes'],
    ['UpdateHostKeys', 'no'],
    ['BatchMode', 'yes'],
    ['ConnectTimeout', '6'],
    ['ServerAliveInterval', '5'],
    ['ServerAliveCountMax', '3'],
    ['LogLevel', 'ERROR'],
    ['ControlPath', 'none'],
    ...(target.identity
      ? [
          ['IdentityFile', target.identity],
          ['IdentitiesOnly', 'yes'],
        ]
      : []),
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const words = [script, 'socle'].map(shellWord).join(' ');
  const sudo = target.user === 'root' ? '' : 'sudo -n ';
  const command = `${sudo}sh -c ${words} "$SSH_CONNECTION" ${args.map(shellWord).join(' ')}`;
  return [...options, '-p', String(target.port), '-l', target.user, '--', way.address, command];
}

export interface ExecOptions {
  readonly args?: readonly string[];
  readonly input?: string;
  readonly accept?: readonly number[];
  /** Milliseconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a script as root on the host.
 * @throws `host-unknown`, `host-unreachable`, `host-key-changed`, `host-denied`, or `command-failed` with what it printed
 */
export async function execAsRoot(
  target: SshTarget,
  way: Way,
  script: string,
  { args, input, accept = [0], timeout, signal }: ExecOptions = {},
): Promise<RunResult> {
  const result = await run('ssh', rootCommand(target, way, script, args), {
    input,
    timeout,
    signal,
    env: environment(),
    accept: Array.from({ length: 256 }, (_, code) => code),
  });
  if (accept.includes(result.exitCode)) return result;
  throw sshFailure(target, way, result);
}

/** The same, with its streams for the caller. */
export function startAsRoot(
  target: SshTarget,
  way: Way,
  script: string,
  args: readonly string[],
  signal?: AbortSignal,
  stdio?: StartOptions['stdio'],
): StartedProcess {
  return start('ssh', rootCommand(target, way, script, args), { signal, env: environment(), stdio });
}

export interface SendOptions extends Pick<ExecOptions, 'args' | 'accept' | 'signal'> {
  /** The path of a file, or a stream of what is to be sent. */
  readonly file: string | Readable;
  /** Sent as gzip(1) reads it. */
  readonly compressed?: boolean | undefined;
  /** Told how many bytes of the file have gone. */
  readonly sent: (bytes: number) => void;
}

/**
 * Runs a script as root on the host with a file of ours as its standard input.
 * @returns its exit code, when that is one of `accept`, and the end of what it said on standard error
 * @throws as `execAsRoot` does
 */
export async function sendAsRoot(
  target: SshTarget,
  way: Way,
  script: string,
  { args = [], accept = [0], file, compressed = false, sent, signal }: SendOptions,
): Promise<Pick<RunResult, 'exitCode' | 'stderr'>> {
  const child = start('ssh', rootCommand(target, way, script, args), {
    signal,
    env: environment(),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr = lastLines(`${stderr}${chunk}`);
  });
  let bytes = 0;
  const source = typeof file === 'string' ? createReadStream(file, { highWaterMark: 2 ** 18 }) : file;
  source.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    sent(bytes);
  });
  // Where the host stops reading, how ssh ends tells why.
  const through = compressed ? [createGzip({ level: constants.Z_BEST_SPEED })] : [];
  const unread = child.stdin
    ? await pipeline([source, ...through, child.stdin]).catch((error: unknown) => error)
    : undefined;
  const { exitCode, aborted } = await child.ended;
  if (aborted) throw asSocleError(signal?.reason);
  if (exitCode === 0 && unread) throw asSocleError(unread);
  if (accept.includes(exitCode)) return { exitCode, stderr };
  throw sshFailure(target, way, { exitCode, stderr, stdout: '' });
}

/**
 * Whether ssh or ssh-keyscan was told for good that a name has no address (gai_strerror(3): EAI_NONAME, EAI_NODATA). A
 * resolver that does not answer is another thing: it may later.
 */
export const noSuchName = (stderr: string): boolean =>
  /name or service not known|no address associated with hostname/i.test(stderr);

/** What ssh, sudo or the script meant by failing. */
export function sshFailure(target: SshTarget, way: Way, { exitCode, stderr, stdout }: RunResult) {
  const said = lastLines(stderr || stdout, 4);
  const who = `${target.user}@${way.address}`;
  const details = { address: way.address, port: target.port, user: target.user, output: said };
  if (exitCode === 255 && /host key verification failed|identification has changed/i.test(stderr)) {
    return fail('host-key-changed', `${way.address} shows another host key than ${target.knownHosts} holds`, details);
  }
  if (exitCode === 255 && /permission denied|too many authentication failures/i.test(stderr)) {
    return fail('host-denied', `${who} is not let in`, details);
  }
  if (exitCode === 255 && noSuchName(stderr)) {
    return fail('host-unknown', `no address is known for ${way.address}`, details);
  }
  if (exitCode === 255) return fail('host-unreachable', `${who} does not answer on port ${target.port}`, details);
  if (/^sudo: |sudo: (not found|command not found)|not in the sudoers/m.test(stderr)) {
    return fail('host-denied', `${who} cannot become root without a password`, details);
  }
  return fail('command-failed', `a step on ${way.address} ended with ${exitCode}`, { ...details, exitCode });
}
