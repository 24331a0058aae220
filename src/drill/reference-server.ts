import type { Manifest } from '../backup/schema.ts';
import type { ScratchServer } from '../database/restored-server.ts';
import { startScratch } from '../database/scratch.ts';
import { hostFacts } from '../database/scratch-host.ts';
import { preflightRestore } from '../database/scratch-preflight.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import { statePaths } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';

/**
 * A scratch server for the schema of a backup that was restored elsewhere. Null, with a note, where this machine cannot
 * have one: an emergency does not wait for it.
 */
export async function referenceServer(
  platform: Platform,
  { inventory, dump }: Manifest,
  notes: string[],
  signal?: AbortSignal,
): Promise<ScratchServer | null> {
  const root = statePaths(platform).scratch;
  const { limits } = platform.drill;
  const { major, superuser } = inventory.server;
  try {
    const host = await hostFacts(major, root);
    // The archive is here already, and only its schema is restored.
    const [problem] = preflightRestore({ ...inventory, bytes: 0 }, dump.bytes, host, limits).problems;
    if (problem) throw fail(problem.code, problem.message);
    return await startScratch({ root, major, superuser, limits, sight: host.sight, ...(signal ? { signal } : {}) });
  } catch (error) {
    const { code, message } = asSocleError(error);
    if (code === 'interrupted') throw error;
    notes.push(`definitions were compared on the target server itself: ${message}`);
    return null;
  }
}
