import { type Finding, field } from './finding.ts';

/** Keys of K3s that hold a secret, and the one that names a file instead where there is one. */
const secretKeys: Readonly<Record<string, string | undefined>> = {
  token: 'token-file',
  'agent-token': 'agent-token-file',
  'datastore-endpoint': undefined,
  'vpn-auth': 'vpn-auth-file',
  'etcd-s3-secret-key': 'etcd-s3-config-secret',
  'etcd-s3-session-token': 'etcd-s3-config-secret',
};

/** MO-5: the platform file is kept in Git. */
export function clusterChecks(file: unknown): Finding[] {
  const config = field(field(field(file, 'cluster'), 'k3s'), 'config');
  const written = typeof config === 'object' && config !== null ? Object.keys(config) : [];
  return written.flatMap((key) => {
    const name = key.replace(/\+$/, '');
    if (!Object.hasOwn(secretKeys, name)) return [];
    const instead = secretKeys[name];
    return [
      {
        path: ['cluster', 'k3s', 'config', key],
        message: 'this is a secret, and the platform file is no place for one',
        ...(instead ? { allowed: instead } : {}),
      },
    ];
  });
}
