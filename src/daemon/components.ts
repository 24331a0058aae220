import { type DriftKeeper, driftProbe } from '../observability/drift-keeper.ts';
import { hostProbes } from '../observability/host-probes.ts';
import type { Probe } from '../observability/probe-board.ts';
import { diskProbe, notificationsProbe, postgresqlProbe, stateProbe, vaultProbe } from '../observability/probes.ts';
import type { Status } from '../observability/schema.ts';
import type { StatePaths } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';

/** Everything that is probed on this platform. */
export function componentsOf(
  platform: Platform,
  paths: StatePaths,
  status: () => Status,
  drift: DriftKeeper | null,
): Probe[] {
  const { backup } = platform;
  // Set by the unit of a host.
  const { SOCLE_FACTS: facts } = process.env;
  const options = { platform: platform.name, cache: paths.cache };
  return [
    ...platform.databases.map(postgresqlProbe),
    ...(backup ? [vaultProbe('vault', backup.vault, options)] : []),
    ...(backup?.copy ? [vaultProbe('vault-copy', backup.copy, options)] : []),
    stateProbe('backups', status),
    stateProbe('drills', status),
    stateProbe('integrity', status),
    ...(backup?.copy ? [stateProbe('copies', status)] : []),
    ...(backup ? [stateProbe('retention', status)] : []),
    ...(backup && platform.cluster ? [stateProbe('datastore', status)] : []),
    notificationsProbe(status),
    diskProbe(paths.root),
    ...(facts ? hostProbes(platform, facts) : []),
    ...(drift ? [driftProbe(drift)] : []),
  ];
}
