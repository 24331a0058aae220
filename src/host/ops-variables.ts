import { drillLimits } from '../platform/drill-limits.ts';
import type { Platform } from '../platform/schema.ts';
import type { HostPlatform } from './ops-platform.ts';
import type { PackedRelease } from './ops-release.ts';

/** What the unit of a drill takes besides the scratch server: the comparison, and what PostgreSQL's programs hold. */
const besidesServer = 2 ** 30;

/** What the role `ops` is told: each name is in its argument specification. */
export function opsVariables(
  platform: Platform,
  host: HostPlatform,
  { id, files, node }: Pick<PackedRelease, 'id' | 'files' | 'node'>,
): Record<string, unknown> {
  return {
    ops_release: { id, files, node },
    ops_platform: host.text,
    ops_credentials: [...host.sent.map(({ name }) => name), ...host.own].sort(),
    ops_directories: host.directories,
    ops_state: `${host.state}/socle.db`,
    ops_address: host.address,
    ops_port: host.port,
    ...(platform.host ? { ops_postgresql: platform.host.postgresql } : {}),
    ops_drill_seconds: Math.ceil(drillLimits(platform.drill.rto).total / 1_000),
    ops_drill_memory: platform.drill.limits.memory + besidesServer,
    ops_mail: mailVariables(platform, host.mailPassword),
  };
}

/** Who is told when the daemon itself has failed; empty for nobody. */
function mailVariables({ ops }: Platform, credential: string | null): Record<string, unknown> {
  const { mail } = ops.notify;
  if (!mail) return {};
  const { host, port, tls, from, to, user } = mail;
  return {
    url: `${tls === 'tls' ? 'smtps' : 'smtp'}://${host}:${port}`,
    starttls: tls === 'starttls',
    from,
    to,
    ...(user !== undefined && credential !== null ? { user, credential } : {}),
  };
}
