import { type Check, check, fail, passUnless } from '../check.ts';
import type { FileFacts } from '../host/files.ts';
import { octal, tellFile } from './files.ts';

/**
 * Files of K3s, by the points of the CIS Kubernetes Benchmark 2.1 with the paths of K3s' self-assessment guide for it.
 * K3s is one process: there are no specification files of its components (1.1.1 to 1.1.8), no unit of a kubelet (4.1.1,
 * 4.1.2); and its datastore is SQLite here, not etcd (1.1.12, section 2).
 */

const server = '/var/lib/rancher/k3s/server';
const agent = '/var/lib/rancher/k3s/agent';

interface Row {
  readonly what: string;
  readonly path: RegExp;
  /** Number of the point about permissions, and what they may be at most. */
  readonly mode?: readonly [point: string, most: number];
  /** Number of the point about the owner, root:root. */
  readonly owner?: string;
  /** Without it nothing could be said; a file that is there only at times is no failure. */
  readonly optional?: boolean;
}

const exactly = (path: string) => new RegExp(`^${path.replaceAll('.', '\\.')}$`);

const rows: readonly Row[] = [
  {
    what: 'network configuration of pods',
    path: /^\/var\/lib\/cni\/networks\//,
    mode: ['1.1.9', 0o600],
    owner: '1.1.10',
    optional: true,
  },
  { what: 'directory of the datastore', path: exactly(`${server}/db`), mode: ['1.1.11', 0o700] },
  {
    what: 'credentials of the administrator',
    path: exactly(`${server}/cred/admin.kubeconfig`),
    mode: ['1.1.13', 0o600],
    owner: '1.1.14',
  },
  {
    what: 'credentials of the scheduler',
    path: exactly(`${server}/cred/scheduler.kubeconfig`),
    mode: ['1.1.15', 0o600],
    owner: '1.1.16',
  },
  {
    what: 'credentials of the controller manager',
    path: exactly(`${server}/cred/controller.kubeconfig`),
    mode: ['1.1.17', 0o600],
    owner: '1.1.18',
  },
  { what: 'directory of the certificates, and all in it', path: new RegExp(`^${server}/tls(/|$)`), owner: '1.1.19' },
  { what: 'certificates', path: new RegExp(`^${server}/tls/.*\\.crt$`), mode: ['1.1.20', 0o644] },
  { what: 'keys of certificates', path: new RegExp(`^${server}/tls/.*\\.key$`), mode: ['1.1.21', 0o600] },
  {
    what: 'credentials of kube-proxy',
    path: exactly(`${agent}/kubeproxy.kubeconfig`),
    mode: ['4.1.3', 0o600],
    owner: '4.1.4',
  },
  {
    what: 'credentials of the kubelet',
    path: exactly(`${agent}/kubelet.kubeconfig`),
    mode: ['4.1.5', 0o600],
    owner: '4.1.6',
  },
  {
    what: 'certificate that the kubelet knows clients by',
    path: exactly(`${agent}/client-ca.crt`),
    mode: ['4.1.7', 0o600],
    owner: '4.1.8',
  },
  {
    what: 'configuration of the kubelet',
    path: exactly('/etc/rancher/k3s/kubelet.yaml'),
    mode: ['4.1.9', 0o600],
    owner: '4.1.10',
  },
];

const requirements = ['FR4', 'FR8'];
const next =
  'set it back (`chmod`, `chown root:root`), or restart K3s, which makes its own files anew; keys that were read are lost';

const tooOpen = (most: number) => (file: FileFacts) => (file.mode & ~most) !== 0;
const notOfRoot = ({ owner, group }: FileFacts) => owner !== 'root' || group !== 'root';

export const cisFileChecks: readonly Check[] = rows.flatMap((row) => [
  ...(row.mode ? [point(row, row.mode[0], `${row.what}: at most ${octal(row.mode[1])}`, tooOpen(row.mode[1]))] : []),
  ...(row.owner ? [point(row, row.owner, `${row.what}: root:root`, notOfRoot)] : []),
]);

function point({ path, optional }: Row, number: string, title: string, wrong: (file: FileFacts) => boolean): Check {
  return check({
    id: `cis-${number}`,
    title,
    requirements,
    side: 'inside',
    next,
    looks: ['clusterFiles'],
    judge({ clusterFiles }) {
      const mine = clusterFiles.filter((file) => path.test(file.path) && file.type !== 'l');
      if (mine.length === 0 && !optional) return fail(`there is no ${path.source.replaceAll(/[\\^$]/g, '')}`);
      const bad = mine.filter(wrong).map(tellFile);
      const [only] = mine;
      return passUnless(bad, mine.length === 1 && only ? tellFile(only) : `${mine.length} files`);
    },
  });
}
