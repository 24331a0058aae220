import { join } from 'node:path/posix';
import type { ClusterConfig, Platform } from '../platform/schema.ts';
import { planK3s } from './config.ts';
import { defaultAccountObjects } from './default-accounts.ts';
import { shutdownGrace } from './hardening.ts';
import { localPathObjects } from './local-path.ts';
import { lock } from './lock.ts';
import type { Artifact } from './mirror.ts';
import { manifest } from './objects.ts';

/** Where files of the operator's mirror wait on the host, by checksum, until the role has installed them. */
export const arrivals = '/var/lib/socle/artifacts';

/** The name under which a file of the mirror waits there. */
export const arrivalOf = ({ sha256 }: Pick<Artifact, 'sha256'>) => join(arrivals, sha256);

/** Where an artifact lies once it is installed. */
export const destinationOf = ({ name }: Pick<Artifact, 'name'>) =>
  name === 'k3s' ? '/usr/local/bin/k3s' : join('/var/lib/rancher/k3s/agent', name);

/** Files of objects that K3s applies, by name. */
const objects = {
  'socle-default-accounts.yaml': defaultAccountObjects,
  'socle-local-path.yaml': localPathObjects,
} as const;
export const manifestNames: readonly string[] = Object.keys(objects);

/** What the role `k3s` is told: each name is in its argument specification. */
export function clusterVariables(
  platform: Platform,
  cluster: ClusterConfig,
  artifacts: readonly Artifact[],
): Record<string, unknown> {
  const { nodeName, files } = planK3s(platform, cluster);
  return {
    k3s_node_name: nodeName,
    // Only the host can ask a program of somebody's own build.
    k3s_version: cluster.mirror_sums === undefined ? lock.k3s.version : '',
    k3s_upgrade_wait: Math.ceil(cluster.k3s.upgrade_wait / 1_000),
    k3s_shutdown_grace: shutdownGrace.all,
    k3s_config: files,
    k3s_downloads: artifacts.map((artifact) => ({
      dest: destinationOf(artifact),
      mode: artifact.name === 'k3s' ? '755' : '600',
      sha256: artifact.sha256,
      url: 'url' in artifact.from ? artifact.from.url : `file://${arrivalOf(artifact)}`,
    })),
    k3s_manifests: Object.fromEntries(Object.entries(objects).map(([name, made]) => [name, manifest(made())])),
  };
}
