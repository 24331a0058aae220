import { fail } from '../kernel/errors.ts';
import type { Domain } from './domains.ts';

/** In the order in which they go: nothing is left without a firewall that would need one. */
const order = ['ops', 'orchestration', 'network'] as const satisfies readonly Domain[];

/** What an uninstallation is about. */
export interface UninstallScope {
  /** The domains that are looked for, in the order in which they go. */
  readonly domains: readonly Domain[];
  /** Nothing of Socle is to be left: the baseline, the comparisons and what only a run needs go too. */
  readonly whole: boolean;
}

/**
 * Pure.
 * @param present the domains that the host has something of
 * @param asked empty means all
 * @throws `domain-needs-another` when the firewall would go from under K3s or the daemon
 */
export function scopeOf(present: readonly Domain[], asked: readonly Domain[]): UninstallScope {
  const domains = order.filter((domain) => asked.length === 0 || asked.includes(domain));
  const left = present.filter((domain) => !domains.includes(domain));
  if (domains.includes('network') && left.length > 0) {
    const names = left.map((domain) => (domain === 'ops' ? 'the daemon' : 'K3s'));
    throw fail(
      'domain-needs-another',
      `${names.join(' and ')} would stay on the host without its firewall and its private address`,
      { next: `run it without --only, or name ${[...left, 'network'].join(',')}` },
    );
  }
  return { domains, whole: left.length === 0 };
}
