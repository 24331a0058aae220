import { operatorKubeconfig } from '../cluster/kubeconfig.ts';
import { fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { privateAddress } from '../vpn/addresses.ts';
import type { Connection } from './connect.ts';
import { execAsRoot } from './ssh.ts';

const absent = 66;

/** The cluster administrator's kubeconfig, from the host. @throws `not-found` while there is no cluster */
export async function fetchKubeconfig({ target, way, platform, signal }: Connection): Promise<Secret> {
  const script = `test -e /etc/rancher/k3s/k3s.yaml || exit ${absent}; cat /etc/rancher/k3s/k3s.yaml`;
  const options = { accept: [0, absent], timeout: 30_000, signal };
  const { exitCode, stdout } = await execAsRoot(target, way, script, options);
  if (exitCode === 0) return operatorKubeconfig(stdout, platform.name, privateAddress(platform.vpn));
  throw fail('not-found', 'the host has no cluster yet', {
    next: 'add `cluster: {}` to the platform file, then run `socle up`',
  });
}
