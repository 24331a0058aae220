import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { SocleError } from '../kernel/errors.ts';
import type { DamagedFile } from './damage.ts';
import { type ResticCall, type ResticContext, startRestic } from './restic.ts';

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
 * `runRestic` for a command that only reads: where the vault cannot be written, it is read without a lock; and damage
 * counts only when it is in the vault, not in our own cache.
 */
export async function runReading(
  context: ResticContext,
  args: readonly string[],
  call: ResticCall = {},
): Promise<string> {
  for (let extra: readonly string[] = []; ; ) {
    try {
      return await runRestic(context, [...args, ...extra], call);
    } catch (failure) {
      extra = otherWay(failure, extra);
    }
  }
}

/** Arguments for reading once more after a failure. @throws the failure when there is no other way */
export function otherWay(failure: unknown, tried: readonly string[]): readonly string[] {
  const isDamage =
    failure instanceof SocleError && (failure.code === 'vault-damaged' || failure.code === 'vault-unusable');
  const way = isReadOnly(failure) ? '--no-lock' : isDamage ? '--no-cache' : null;
  if (way === null || tried.includes(way)) throw failure;
  return [...tried, way];
}

/**
 * restic could not write its lock: the vault is on a read-only medium, or this user may only read it. Or there is a lock
 * that this user may not read.
 */
function isReadOnly(failure: unknown): boolean {
  if (!(failure instanceof SocleError)) return false;
  const { file, output } = failure.details as { file?: DamagedFile; output?: unknown };
  return file?.kind === 'lock' || (failure.code === 'vault-denied' && /lock/.test(String(output)));
}

/**
 * How to go on after a failure: resolves when it is time to try again, because the vault was locked and may be free
 * now; throws the failure when it is another one, or when the context's `lockWait` is over.
 */
export function lockPatience(context: ResticContext, signal?: AbortSignal): (failure: unknown) => Promise<void> {
  const until = performance.now() + context.lockWait;
  let attempts = 0;
  return async (failure) => {
    unlessLocked(failure);
    attempts += 1;
    if (attempts === 1) return removeStaleLocks(context, signal).catch(unlessLocked);
    if (performance.now() >= until) throw failure;
    await delay(Math.min(250 * 2 ** attempts, 10_000), undefined, { signal });
  };
}

/** Looking at the locks fails when one of them goes meanwhile: then there is one less to wait for. */
function unlessLocked(failure: unknown): void {
  if (!(failure instanceof SocleError) || failure.code !== 'vault-locked') throw failure;
}

/** restic removes locks whose process is gone, or that were not refreshed for 30 minutes. */
export async function removeStaleLocks(context: ResticContext, signal?: AbortSignal): Promise<void> {
  await runOnce(context, ['unlock'], { signal });
}

async function runOnce(context: ResticContext, args: readonly string[], call: ResticCall): Promise<string> {
  const child = startRestic(context, args, call);
  const [printed] = await Promise.all([child.stdout ? text(child.stdout) : '', child.done]);
  return printed;
}
