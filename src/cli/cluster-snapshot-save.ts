import { planK3s } from '../cluster/config.ts';
import { fail } from '../kernel/errors.ts';
import { formatSize } from '../kernel/units.ts';
import type { ClusterConfig, Platform } from '../platform/schema.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { warn } from './paint.ts';
import type { Session } from './session.ts';
import { verb as define } from './verb.ts';

/** The cluster of a platform, and the name of its node. @throws `config-invalid` where there is none */
export function clusterOf(platform: Platform): { cluster: ClusterConfig; node: string } {
  const { cluster, name } = platform;
  if (cluster) return { cluster, node: planK3s(platform, cluster).nodeName };
  throw fail('config-invalid', `the platform ${name} has no \`cluster\` section, and this command needs one`, {
    next: 'add `cluster: {}` to the platform file',
  });
}

/** Of this machine where root's one-shot unit answers, else of the host over SSH. */
async function sourceOf(session: Session, values: Parameters<typeof connect>[1]) {
  const { socketSource } = await import('../datastore/socket-source.ts');
  const here = socketSource();
  if (here) return here;
  const { sshSource } = await import('../datastore/ssh-source.ts');
  return sshSource(await connect(session, values));
}

/** `socle cluster snapshot save` */
export const verb = define({
  options: { identity, hostKey },
  examples: ['socle cluster snapshot save', 'socle cluster snapshot save --json'],
  about:
    'Copies K3s’ datastore into the vault while it runs, with the token, the keys that its Secrets are encrypted with and\n' +
    'its certificates: what a fresh machine needs to be this cluster again. Volumes are not in it. The copy is read back\n' +
    'and counts once its manifest is written; older ones than the newest `cluster.datastore.keep` leave the vault.',
  async run(values, session) {
    const platform = await session.platform();
    const { cluster, node } = clusterOf(platform);
    const deps = await session.vaultDeps();
    const { saveDatastore } = await import('../datastore/save.ts');
    const request = { platform: platform.name, node, keep: cluster.datastore.keep, actor: session.actor };
    const saved = await saveDatastore(request, await sourceOf(session, values), deps);
    const { id, bytes, k3s } = saved.manifest;
    const lines = [
      `${id} is in ${deps.vault.address}: ${formatSize(bytes)}, of ${k3s}`,
      ...(saved.removed.length > 0 ? [`removed ${saved.removed.length} older`] : []),
      ...saved.warnings.map((text) => `${warn('warning')}  ${text}`),
    ];
    return { data: saved, text: lines.join('\n') };
  },
});
