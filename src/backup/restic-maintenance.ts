import { resolve } from 'node:path';
import { z } from 'zod';
import { fail, SocleError } from '../kernel/errors.ts';
import { readSecret } from '../kernel/secret.ts';
import { parseSize } from '../kernel/units.ts';
import { damagedPacks } from './damage.ts';
import type { ResticContext } from './restic.ts';
import { runRestic } from './restic-run.ts';
import type { CheckResult } from './vault.ts';

/**
 * Structure check, and with `part` a full read of part n of t of the data (restic knows at most 256 parts).
 * It runs without restic's exclusive lock first: reading a large vault takes hours, and backups must go on. A writer
 * can make such a check fail, so that a failure counts only when it shows up again under the lock.
 */
export async function checkRepository(
  context: ResticContext,
  part: { n: number; of: number } | undefined,
  signal?: AbortSignal,
): Promise<CheckResult> {
  const started = performance.now();
  const args = ['check', ...(part ? [`--read-data-subset=${part.n}/${part.of}`] : [])];
  const what = part ? `structure and part ${part.n} of ${part.of} of the data` : 'structure';
  const result = (ok: boolean, detail: string, packs: CheckResult['packs']) => ({
    ok,
    detail,
    packs,
    durationMs: performance.now() - started,
  });
  const check = async () => {
    try {
      return await runRestic(context, [...args, '--no-lock'], { signal });
    } catch (error) {
      if (!isDamage(error)) throw error;
      return runRestic(context, args, { signal });
    }
  };
  try {
    return result(true, `${what}: no errors`, packsRead(await check()));
  } catch (error) {
    if (!isDamage(error)) throw error;
    return result(false, `${what}: ${damageFound(error)}`, null);
  }
}

/** How many data files a check read, of how many: `read group #1 of 30 data packs (out of total 900 packs in 30 groups)`. */
export function packsRead(printed: string): CheckResult['packs'] {
  const found = /read group #\d+ of (\d+) data packs \(out of total (\d+) packs/.exec(printed);
  return found && { read: Number(found[1]), total: Number(found[2]) };
}

/** What is damaged, what to do, and restic's own words. */
function damageFound(error: SocleError): string {
  const said = String(error.details.output ?? '');
  const packs = damagedPacks(said);
  const named = packs.length > 1 ? `data files that are not what they were: ${packs.join(', ')}` : error.message;
  return [named, `next: ${error.details.next ?? error.failure.next}`, said].filter((line) => line !== '').join('\n');
}

const isDamage = (error: unknown): error is SocleError => error instanceof SocleError && error.code === 'vault-damaged';

/** Bytes that `restic prune` removed, from what it printed. */
export function freedBytes(printed: string): number {
  const total = /^total prune:\s+\d+ blobs \/ (.+)$/m.exec(printed)?.[1];
  return parseSize(total ?? '') ?? 0;
}

const keysSchema = z.array(z.object({ id: z.string(), userName: z.string() }));

/**
 * Adds a key whose password is the content of a file. Its label shows in `restic key list`.
 * @returns the key's id
 */
export async function addKey(
  context: ResticContext,
  newPasswordFile: string,
  label: string,
  signal?: AbortSignal,
): Promise<string> {
  await readSecret({ file: newPasswordFile });
  const keys = async () => (await listKeys(context, signal)).map(({ id }) => id);
  const before = new Set(await keys());
  await runRestic(context, ['key', 'add', '--new-password-file', resolve(newPasswordFile), '--user', label], {
    signal,
  });
  const added = (await keys()).find((id) => !before.has(id));
  if (added !== undefined) return added;
  throw fail('vault-failed', `restic added no key to the vault ${context.repository.address}`);
}

async function listKeys(context: ResticContext, signal?: AbortSignal): Promise<z.infer<typeof keysSchema>> {
  return keysSchema.parse(JSON.parse(await runRestic(context, ['key', 'list', '--json'], { signal })));
}

/** Removes every key with this label; the one that the vault was opened with cannot be among them. */
export async function removeKeys(context: ResticContext, label: string, signal?: AbortSignal): Promise<number> {
  const labelled = (await listKeys(context, signal)).filter(({ userName }) => userName === label);
  for (const { id } of labelled) await runRestic(context, ['key', 'remove', id], { signal });
  return labelled.length;
}
