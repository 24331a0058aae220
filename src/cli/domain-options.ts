import { type Domain, parseDomains } from '../host/domains.ts';
import { type Spec, text } from './options.ts';

export const only: Spec<readonly Domain[]> = {
  flags: '--only <domains>',
  description: 'provisioning domains: network, orchestration, ops (default: all that the platform file describes)',
  parse: parseDomains,
  fallback: [],
};

export const mirror = text(
  '--mirror <directory>',
  'where K3s and its images come from (default: $SOCLE_MIRROR, ~/.cache/socle/mirror, or the official release)',
);
