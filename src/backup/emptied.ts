import type { BackupCatalog } from './catalog.ts';
import type { Vault } from './vault.ts';

/**
 * A sentence when the vault holds none of the backups that the catalog counts on: somebody emptied it, or it is another
 * one. Null while it holds any of them; which ones are missing is for `socle backup verify`.
 */
export async function describeEmptied(
  catalog: BackupCatalog,
  vault: Vault,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const known = catalog.list({ status: ['good'] });
  if (known.length === 0) return null;
  // A vault that cannot be listed now is no reason against a backup that it took.
  const stored = await vault.list(signal).catch(() => null);
  if (stored === null) return null;
  const present = new Set(stored.filter(({ item }) => item === 'manifest').map(({ id }) => id));
  if (known.some(({ id }) => present.has(id))) return null;
  const all = known.length === 1 ? 'the one good backup' : `any of the ${known.length} good backups`;
  return `the vault does not hold ${all} in the catalog: it was emptied, or is another one (see \`socle backup verify\`)`;
}
