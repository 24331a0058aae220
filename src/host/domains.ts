import { fail } from '../kernel/errors.ts';
import type { Platform } from '../platform/schema.ts';

/** The provisioning domains of the requirements, and those that can be provisioned. */
const domains = ['network', 'orchestration', 'observability', 'database', 'ops'] as const;
const available = ['network', 'orchestration', 'ops'] as const;
export type Domain = (typeof available)[number];

const isAvailable = (name: string): name is Domain => (available as readonly string[]).includes(name);

/**
 * `network,orchestration` as a list.
 * @throws `usage`, `domain-unavailable`
 */
export function parseDomains(text: string): readonly Domain[] {
  return text.split(',').map((word) => {
    const name = word.trim();
    if (isAvailable(name)) return name;
    if (!(domains as readonly string[]).includes(name)) {
      throw fail('usage', `${name} is no provisioning domain: ${domains.join(', ')}`);
    }
    throw fail('domain-unavailable', `${name} cannot be provisioned yet; ${available.join(', ')} can`);
  });
}

/** The daemon watches what is written down: without databases, a vault or somebody to tell it has nothing to do. */
const describes: Readonly<Record<Domain, (platform: Platform) => boolean>> = {
  network: () => true,
  orchestration: ({ cluster }) => cluster !== undefined,
  ops: ({ databases, backup, ops: { notify, heartbeat } }) =>
    databases.length > 0 ||
    backup !== undefined ||
    notify.mail !== undefined ||
    notify.webhook !== undefined ||
    heartbeat !== undefined,
};

/**
 * What a run provisions: the domains asked for, else all that the platform file describes.
 * @throws `domain-unavailable` when the file does not describe one that is asked for
 */
export function chooseDomains(platform: Platform, asked: readonly Domain[]): readonly Domain[] {
  if (asked.length === 0) return available.filter((domain) => describes[domain](platform));
  if (asked.includes('orchestration') && !describes.orchestration(platform)) {
    const what = `the platform ${platform.name} has no \`cluster\` section, so that there is none to make`;
    throw fail('domain-unavailable', what, { next: 'add `cluster: {}` to the platform file' });
  }
  return asked;
}
