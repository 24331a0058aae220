import type { Stored } from '../backup/vault.ts';

const isOurs = ({ item }: Stored) => item === 'datastore' || item === 'datastore-manifest';

/** A copy counts when its manifest and its data are both there. Ids, newest first. */
export function completeCopies(stored: readonly Stored[]): string[] {
  const data = new Set(stored.filter(({ item }) => item === 'datastore').map(({ id }) => id));
  return stored
    .filter(({ item, id }) => item === 'datastore-manifest' && data.has(id))
    .map(({ id }) => id)
    .reverse();
}

/**
 * Pure. What leaves a vault: copies beyond the newest `keep` that count, and what an interrupted one left before them.
 * Backups of databases are nothing of ours. Manifests come first: data without one does not count.
 */
export function planRemoval(stored: readonly Stored[], keep: number): Stored[] {
  const complete = completeCopies(stored);
  const kept = new Set(complete.slice(0, keep));
  const newest = stored.findLast(({ item, id }) => item === 'datastore' && id === complete[0]);
  const rank = ({ item }: Stored) => (item === 'datastore-manifest' ? 0 : 1);
  return stored
    .filter((one) => isOurs(one) && !kept.has(one.id) && newest !== undefined && one.time < newest.time)
    .sort((a, b) => rank(a) - rank(b));
}
