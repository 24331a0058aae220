import { clusterOf } from './cluster-snapshot-save.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { flag, text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle cluster restore` */
export const verb = define({
  options: {
    snapshot: text('--snapshot <id>', 'which copy (default: the newest complete one)'),
    replace: flag('--replace', 'put it in the place of a datastore that is there, which moves aside'),
    identity,
    hostKey,
  },
  examples: ['socle cluster restore', 'socle cluster restore --snapshot c-20261126t014500z-4f9c1a --replace'],
  about:
    'Brings a copy of the cluster from the vault to the host, over SSH. On a fresh machine: `socle up --only network`, this,\n' +
    'then `socle up`: K3s starts as the cluster that was saved, under the same node name, and reads its Secrets. With\n' +
    '--replace K3s is stopped for it and started again. docs/runbooks/cluster-restore.md has the whole way.',
  async run({ snapshot, replace, ...values }, session) {
    const platform = await session.platform();
    const { cluster, node } = clusterOf(platform);
    const { db, clock, vault, progress, signal } = await session.vaultDeps();
    const { restoreDatastore } = await import('../datastore/restore.ts');
    const ownMirror = cluster.mirror_sums !== undefined;
    const restored = await restoreDatastore(
      { node, ownMirror, copy: snapshot, replace, actor: session.actor },
      await connect(session, values),
      { db, clock, vault, progress, signal },
    );
    const { id, takenAt, k3s } = restored.manifest;
    const next = restored.started
      ? 'K3s starts with it; what was there is in /var/lib/rancher/k3s/server/replaced on the host.'
      : 'Next: `socle up`';
    const taken = (await session.when())(takenAt);
    return { data: restored, text: `${id} is on the host: the cluster of ${taken}, written by ${k3s}\n${next}` };
  },
});
