import type { Artifact } from '../cluster/mirror.ts';
import { clusterVariables } from '../cluster/variables.ts';
import type { Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';
import { serverConfig } from '../vpn/config.ts';
import { planFallback, planFirewall, renderFirewall } from './firewall.ts';
import { foreignWanted } from './foreign.ts';

/** What the roles are told: each name is in the argument specification of its role. */
export function ansibleVariables(platform: Platform, artifacts: readonly Artifact[]): Record<string, unknown> {
  return {
    baseline_locales: platform.host?.locales ?? [],
    socle_private_address: privateAddress(platform.vpn),
    socle_vpn_subnet: platform.vpn.subnet,
    socle_wireguard_config: serverConfig(platform),
    socle_rulesets: {
      open: renderFirewall(planFirewall(platform, 'public')),
      closed: renderFirewall(planFirewall(platform, 'vpn')),
      fallback: renderFirewall(planFallback(platform)),
    },
    socle_ruleset: platform.firewall.ssh === 'public' ? 'open' : 'closed',
    socle_foreign: foreignWanted(platform),
    socle_drift_every: Math.round(platform.drift.every / 1_000),
    ...(platform.cluster ? clusterVariables(platform, platform.cluster, artifacts) : {}),
  };
}
