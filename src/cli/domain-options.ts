import { findMirror } from '../cluster/mirror.ts';
import { type Domain, parseDomains } from '../host/domains.ts';
import type { Spec } from './options.ts';

export const only: Spec<readonly Domain[]> = {
  flags: '--only <domains>',
  description: 'provisioning domains: network, orchestration, ops (default: all that the platform file describes)',
  parse: parseDomains,
  fallback: [],
};

/** Known to be there before anybody is asked for anything else. */
export const mirror: Spec<string | undefined> = {
  flags: '--mirror <directory>',
  description:
    'where K3s and its images come from (default: $SOCLE_MIRROR, ~/.cache/socle/mirror, or the official release)',
  parse: (named) => findMirror({ named }) ?? undefined,
};
