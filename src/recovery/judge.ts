import type { Opened, Witnessed } from './machine.ts';
import type { KitVault } from './schema.ts';

/**
 * Why what a kit opened does not show that it would bring the platform back: one sentence, or undefined when it does. A
 * vault that opens is no proof: it has to be the one that the host backs up into, with the host's newest backup in it.
 */
export function whyUnconfirmed(
  kit: Pick<KitVault, 'address' | 'repositoryId'>,
  host: Witnessed,
  opened: Opened,
): string | undefined {
  const { address } = kit;
  if (opened.repositoryId !== kit.repositoryId) {
    return `what the kit opens at ${address} is the repository ${short(opened.repositoryId)}, and the kit was made for ${short(kit.repositoryId)}`;
  }
  if (opened.repositoryId !== host.repositoryId) {
    return `what the kit opens at ${address} is the repository ${short(opened.repositoryId)}, and backups go into ${short(host.repositoryId)}`;
  }
  if (host.newest === null) return `there is no backup in ${address} yet, and so nothing that the kit could bring back`;
  if (!opened.backups.includes(host.newest)) {
    return `the newest backup, ${host.newest}, is not in what the kit opens at ${address}`;
  }
  return opened.read === null ? `the kit read no backup at ${address}` : undefined;
}

const short = (id: string) => id.slice(0, 8);
