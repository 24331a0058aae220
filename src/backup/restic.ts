import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { type StartedProcess, start } from '../kernel/process.ts';
import type { Secret } from '../kernel/secret.ts';
import type { VaultConfig } from '../platform/schema.ts';
import { mask, type Repository } from './repository.ts';
import { resticFailure } from './restic-errors.ts';
import { optionArguments, variables } from './restic-options.ts';
import { passwordChannel } from './restic-password.ts';
import { retryWatch, withoutTraces } from './restic-watch.ts';

/** What every call of restic for one vault needs. */
export interface ResticContext {
  readonly version: ResticVersion;
  readonly repository: Repository;
  readonly config: VaultConfig;
  readonly password: Secret;
  readonly environment: ReadonlyMap<string, Secret>;
  readonly cache: string;
  /** For temporary files. Not below the cache, which restic leaves out of every backup. */
  readonly temporary: string;
  /** HOME, where it is not ours. */
  readonly home?: string | undefined;
  /** Milliseconds to wait for another process that holds the vault. */
  readonly lockWait: number;
  /** Extended options (`-o`) for this version of restic. */
  readonly options: Readonly<Record<string, string>>;
}

export interface ResticVersion {
  /** Such as `0.14.0`. */
  readonly text: string;
  /** The second number; restic is still at 0.x. */
  readonly minor: number;
}

export interface ResticCall {
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string | undefined;
  readonly stdin?: 'pipe' | 'ignore' | undefined;
  /** The vault that is read from, for `copy` and `init --copy-chunker-params`. */
  readonly from?: ResticContext | undefined;
  /** Milliseconds that restic may try one request again before it counts as failed; default 30 s. */
  readonly patience?: number | undefined;
  /** Words on standard error that mean damage even when restic ends with 0. */
  readonly refuse?: RegExp | undefined;
}

/** Milliseconds that restic may try the same request again: short where someone waits for an answer, … */
const briefPatience = 30_000;
/** … and long where hours of work would be lost. */
export const longPatience = 300_000;

/** A started restic. */
export interface ResticProcess extends StartedProcess {
  /** Resolves when it ended well. @throws the `vault-…` failure that its end means, or `interrupted` */
  readonly done: Promise<void>;
}

/** A backup must not starve what it protects. */
const niceness = '10';

/** Milliseconds that restic gets to take its lock away. */
const interruptPatience = 5_000;

/** The end of what restic says is enough for an error, however much it says. */
const keptOutput = 64 * 1024;

/**
 * Starts restic for a vault; the caller reads stdout. Secrets travel by file descriptor or in restic's own environment:
 * never in an argument.
 */
export function startRestic(context: ResticContext, args: readonly string[], call: ResticCall = {}): ResticProcess {
  const { signal, cwd, stdin = 'ignore', from } = call;
  const address = from ? `${context.repository.address} or ${from.repository.address}` : context.repository.address;
  const directories = [context, ...(from ? [from] : [])].map(({ repository }) => repository.directory);
  const local = directories.every((directory) => directory !== null) ? directories : [];
  // Of its own: a restic that is ended between the making of a temporary file and its unlinking leaves the name.
  mkdirSync(context.temporary, { recursive: true, mode: 0o700 });
  const temporary = mkdtempSync(join(context.temporary, 'restic-'));
  const remove = () => rmSync(temporary, { recursive: true, force: true });
  const own = passwordChannel(context.config.password, context.password, 3);
  const other = from && passwordChannel(from.config.password, from.password, own.descriptor === null ? 3 : 4);
  const descriptors = [own.descriptor, other?.descriptor ?? null].filter((fd) => fd !== null);
  try {
    const started = start(
      'nice',
      ['-n', niceness, 'restic', ...optionArguments(context.options, from?.options), ...args],
      {
        cwd,
        stdio: [stdin, 'pipe', 'pipe', ...descriptors],
        env: {
          ...(context.home === undefined ? {} : { HOME: context.home }),
          ...variables(context.environment, from?.environment),
          RESTIC_REPOSITORY: context.repository.location,
          RESTIC_PASSWORD_FILE: own.path,
          RESTIC_FROM_REPOSITORY: from?.repository.location,
          RESTIC_FROM_PASSWORD_FILE: other?.path,
          RESTIC_CACHE_DIR: context.cache,
          TMPDIR: temporary,
          RESTIC_PROGRESS_FPS: '0.2',
        },
      },
    );
    const child = { ...started, ended: started.ended.finally(remove) };
    const secrets = [...secretsOf(context), ...(from ? secretsOf(from) : [])];
    const output = watchOutput(child, call.patience ?? briefPatience);
    const stop = () => void interrupt(child);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const done = Promise.all([child.ended, output]).then(([end, said]) => {
      signal?.removeEventListener('abort', stop);
      if (end.exitCode === 0 && !call.refuse?.test(said)) return;
      if (signal?.aborted) throw fail('interrupted', `restic was interrupted for the vault ${address}`);
      throw resticFailure(address, end.exitCode, said, local, (text) => mask(text, secrets));
    });
    done.catch(() => {});
    return { ...child, done };
  } catch (error) {
    remove();
    throw error;
  } finally {
    own.close();
    other?.close();
  }
}

/** Ends a restic so that it takes its lock away: it does on an interrupt, and on nothing else in every version. */
export async function interrupt(child: StartedProcess): Promise<void> {
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), interruptPatience);
  await child.ended;
  clearTimeout(timer);
}

function secretsOf(context: ResticContext): string[] {
  const values = [...context.environment].map(([, value]) => value.reveal());
  return [context.password.reveal(), ...values, ...context.repository.secrets];
}

/** The last of what restic says; on the way, restic is stopped when it tries again in vain. */
async function watchOutput(child: StartedProcess, patience: number): Promise<string> {
  const inVain = retryWatch(patience);
  let said = '';
  let begun = '';
  child.stderr?.setEncoding('utf8');
  for await (const chunk of child.stderr ?? []) {
    said = (said + chunk).slice(-keptOutput);
    const lines = (begun + chunk).split('\n');
    begun = lines.pop() ?? '';
    if (lines.some(inVain)) void interrupt(child);
    // restic 0.18 ends only when its input does; by now it makes no snapshot of it.
    if (String(chunk).includes('received, cleaning up')) child.stdin?.destroy();
  }
  return withoutTraces(said);
}
