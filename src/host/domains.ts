import { fail } from '../kernel/errors.ts';

/** The provisioning domains of the requirements, and those that can be provisioned. */
const domains = ['network', 'orchestration', 'observability', 'database', 'ops'] as const;
const available: readonly string[] = ['network'];

/**
 * `network,ops` as a list; empty means all that are available.
 * @throws `usage`, `domain-unavailable`
 */
export function parseDomains(text: string | undefined): readonly string[] {
  const names = text?.split(',').map((name) => name.trim()) ?? [];
  for (const name of names) {
    if (!(domains as readonly string[]).includes(name)) {
      throw fail('usage', `${name} is no provisioning domain: ${domains.join(', ')}`);
    }
    if (!available.includes(name)) {
      throw fail('domain-unavailable', `${name} cannot be provisioned yet; ${available.join(', ')} can`);
    }
  }
  return names;
}
