import { SocleError } from '../kernel/errors.ts';
import type { ResticContext } from './restic.ts';
import { runReading, runRestic } from './restic-run.ts';
import { filterOf, loadedIds, parseSnapshots } from './snapshots.ts';
import type { Survey } from './vault.ts';

/** restic 0.14 and 0.18 leave out a snapshot that they cannot load, and end with 0. One that was just removed is fine. */
const unreadable = /(could not|failed to) load snapshot(?!.*(no such file|does not exist))/;

/** More files than this that this user may not open are a matter of the whole vault, and not of single files. */
const single = 20;

/** Ids in one call of restic: arguments have a limit (128 KB each, and 2 MB together, on Linux). */
const batch = 500;

/**
 * Lists what is ours, and every snapshot whose file cannot be read: one damaged file must hide itself alone.
 * @param fresh look at the vault itself, and not at the copies of snapshot files in our cache
 */
export async function surveyVault(
  context: ResticContext,
  platform: string,
  fresh: boolean,
  signal?: AbortSignal,
): Promise<Survey> {
  const args = ['snapshots', '--json', '--no-lock', '--tag', filterOf(platform), ...(fresh ? ['--no-cache'] : [])];
  try {
    const printed = await runReading(context, args, { signal, refuse: unreadable });
    return { stored: parseSnapshots(printed, platform), unreadable: [] };
  } catch (error) {
    if (!(error instanceof SocleError) || error.code !== 'vault-damaged') throw error;
    return surveyDamaged(context, platform, signal);
  }
}

/**
 * The names of all snapshot files, and what restic can load of them. restic 0.14 tries a file that it may not open for
 * so long that it is stopped: such a file is left out, and the others are asked for by name.
 */
async function surveyDamaged(context: ResticContext, platform: string, signal?: AbortSignal): Promise<Survey> {
  const named = await snapshotNames(context, signal);
  const refused = new Set<string>();
  for (;;) {
    try {
      const loaded = await load(context, refused.size === 0 ? null : named.filter((id) => !refused.has(id)), signal);
      const known = new Set(loaded.flatMap(loadedIds));
      // One that is gone by now was removed, and is not damaged.
      const still = new Set(await snapshotNames(context, signal));
      const missing = named.filter((id) => !known.has(id) && still.has(id));
      const stored = loaded.flatMap((json) => parseSnapshots(json, platform));
      return { stored: stored.sort((a, b) => a.time.getTime() - b.time.getTime()), unreadable: missing };
    } catch (error) {
      const more = refusedSnapshots(error, named).filter((id) => !refused.has(id));
      if (more.length === 0 || refused.size + more.length > single) throw error;
      for (const id of more) refused.add(id);
    }
  }
}

/** @param ids null for all */
async function load(context: ResticContext, ids: readonly string[] | null, signal?: AbortSignal): Promise<string[]> {
  const args = ['snapshots', '--json', '--no-lock', '--no-cache'];
  if (ids === null) return [await runRestic(context, args, { signal })];
  const printed: string[] = [];
  for (let at = 0; at < ids.length; at += batch) {
    printed.push(await runRestic(context, [...args, ...ids.slice(at, at + batch)], { signal }));
  }
  return printed;
}

async function snapshotNames(context: ResticContext, signal?: AbortSignal): Promise<string[]> {
  const printed = await runReading(context, ['list', 'snapshots', '--no-lock', '--no-cache'], { signal });
  return printed.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line));
}

/** Snapshots that restic names in a failure, in full. */
function refusedSnapshots(error: unknown, named: readonly string[]): string[] {
  if (!(error instanceof SocleError) || error.code !== 'vault-damaged') return [];
  const said = String(error.details.output ?? '');
  const short = [...said.matchAll(/<snapshot\/([0-9a-f]{8,})>/g)].map(([, id]) => id ?? '');
  return named.filter((id) => short.some((prefix) => id.startsWith(prefix)));
}
