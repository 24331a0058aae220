import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, SocleError } from '../kernel/errors.ts';
import { type StartedProcess, start } from '../kernel/process.ts';
import type { Secret } from '../kernel/secret.ts';
import type { VaultConfig } from '../platform/schema.ts';
import { mask, type Repository } from './repository.ts';
import { resticFailure } from './restic-errors.ts';
import { optionArguments } from './restic-options.ts';
import { passwordChannel } from './restic-password.ts';

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
}

/** A started restic. */
export interface ResticProcess extends StartedProcess {
  /** Resolves when it ended with 0. @throws the `vault-…` failure that its end means, or `interrupted` */
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
  const own = passwordChannel(context.config.password, context.password, 3);
  const other = from && passwordChannel(from.config.password, from.password, own.descriptor === null ? 3 : 4);
  const descriptors = [own.descriptor, other?.descriptor ?? null].filter((fd) => fd !== null);
  try {
    const child = start(
      'nice',
      ['-n', niceness, 'restic', ...optionArguments(context.options, from?.options), ...args],
      {
        cwd,
        stdio: [stdin, 'pipe', 'pipe', ...descriptors],
        env: {
          ...variables(from),
          ...variables(context),
          RESTIC_REPOSITORY: context.repository.location,
          RESTIC_PASSWORD_FILE: own.path,
          RESTIC_FROM_REPOSITORY: from?.repository.location,
          RESTIC_FROM_PASSWORD_FILE: other?.path,
          RESTIC_CACHE_DIR: context.cache,
          TMPDIR: context.temporary,
          RESTIC_PROGRESS_FPS: '0.2',
        },
      },
    );
    const secrets = [...secretsOf(context), ...(from ? secretsOf(from) : [])];
    const output = endOfOutput(child);
    const stop = () => void interrupt(child);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const done = Promise.all([child.ended, output]).then(([end, said]) => {
      signal?.removeEventListener('abort', stop);
      if (end.exitCode !== 0 && signal?.aborted)
        throw fail('interrupted', `restic was interrupted for the vault ${context.repository.address}`);
      if (end.exitCode !== 0) throw resticFailure(context.repository.address, end.exitCode, mask(said, secrets));
    });
    done.catch(() => {});
    return { ...child, done };
  } finally {
    own.close();
    other?.close();
  }
}

/**
 * Runs restic to its end and returns what it printed. While another process holds the vault, it is tried again, and the
 * locks of processes that are gone are removed.
 * @throws a `vault-…` failure, or `interrupted`
 */
export async function runRestic(
  context: ResticContext,
  args: readonly string[],
  call: ResticCall = {},
): Promise<string> {
  const patience = lockPatience(context, call.signal);
  for (;;) {
    try {
      return await runOnce(context, args, call);
    } catch (failure) {
      await patience(failure);
    }
  }
}

/**
 * How to go on after a failure: resolves when it is time to try again, because the vault was locked and may be free
 * now; throws the failure when it is another one, or when the context's `lockWait` is over.
 */
export function lockPatience(context: ResticContext, signal?: AbortSignal): (failure: unknown) => Promise<void> {
  const until = performance.now() + context.lockWait;
  let attempts = 0;
  return async (failure) => {
    if (!(failure instanceof SocleError) || failure.code !== 'vault-locked') throw failure;
    attempts += 1;
    if (attempts === 1 && (await removeStaleLocks(context, signal))) return;
    if (performance.now() >= until) throw failure;
    await delay(Math.min(250 * 2 ** attempts, 10_000), undefined, { signal });
  };
}

/** restic removes locks whose process is gone, or that were not refreshed for 30 minutes. True when there was one. */
export async function removeStaleLocks(context: ResticContext, signal?: AbortSignal): Promise<boolean> {
  const before = await locks(context, signal);
  await runOnce(context, ['unlock'], { signal });
  return before > 0 && (await locks(context, signal)) < before;
}

async function locks(context: ResticContext, signal: AbortSignal | undefined): Promise<number> {
  const printed = await runOnce(context, ['list', 'locks', '--no-lock', '--quiet'], { signal });
  return printed.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line)).length;
}

async function runOnce(context: ResticContext, args: readonly string[], call: ResticCall): Promise<string> {
  const child = startRestic(context, args, call);
  const [printed] = await Promise.all([child.stdout ? text(child.stdout) : '', child.done]);
  return printed;
}

/** Ends a restic so that it takes its lock away: it does on an interrupt, and on nothing else in every version. */
export async function interrupt(child: StartedProcess): Promise<void> {
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), interruptPatience);
  await child.ended;
  clearTimeout(timer);
}

function variables(context: ResticContext | undefined): Record<string, string> {
  return Object.fromEntries([...(context?.environment ?? [])].map(([name, value]) => [name, value.reveal()]));
}

function secretsOf(context: ResticContext): string[] {
  const values = [...context.environment].map(([, value]) => value.reveal());
  return [context.password.reveal(), ...values, ...context.repository.secrets];
}

async function endOfOutput(child: StartedProcess): Promise<string> {
  let said = '';
  child.stderr?.setEncoding('utf8');
  for await (const chunk of child.stderr ?? []) said = (said + chunk).slice(-keptOutput);
  return said;
}
