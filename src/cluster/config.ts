import { stringify } from 'yaml';
import type { ClusterConfig, Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';
import { admissionConfiguration, auditPolicy, cipherSuites, kubeletConfiguration } from './hardening.ts';

/** K3s reads its configuration here; the documents that it names lie beside it. */
const configDirectory = '/etc/rancher/k3s';

type Setting = ClusterConfig['k3s']['config'][string];
type Settings = Readonly<Record<string, Setting>>;

/** A key of `cluster.k3s.config` that changes what Socle would have written. */
interface Override {
  readonly key: string;
  readonly change: 'added' | 'replaced' | 'extended';
  /** What Socle would have written; null where it sets nothing. */
  readonly socle: Setting | null;
}

export interface K3sPlan {
  readonly nodeName: string;
  /** Files of `/etc/rancher/k3s` by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Where the platform file goes beyond what Socle models, or against it: shown to the operator, never hidden. */
  readonly overrides: readonly Override[];
}

/**
 * What K3s is told. The API and the kubelet have the private address, which lies on `lo`: they listen nowhere else and
 * go on when the tunnel or the public address fails. Flannel's interface is the public one; only the host knows its
 * name, so that the role adds that key. Sources: K3s' CIS hardening guide and its server options.
 */
export function planK3s(platform: Platform, cluster: ClusterConfig): K3sPlan {
  const nodeName = cluster.node_name ?? platform.name.replace(/-+$/, '');
  const address = privateAddress(platform.vpn);
  const own: Settings = {
    'node-name': nodeName,
    'bind-address': address,
    'advertise-address': address,
    'node-ip': address,
    'tls-san': [address, nodeName],
    'cluster-cidr': cluster.networks.pods,
    'service-cidr': cluster.networks.services,
    disable: ['traefik', 'servicelb', 'local-storage', 'metrics-server'],
    'disable-helm-controller': true,
    'write-kubeconfig-mode': '0600',
    'protect-kernel-defaults': true,
    'secrets-encryption': true,
    'kube-apiserver-arg': [
      `admission-control-config-file=${configDirectory}/admission.yaml`,
      'enable-admission-plugins=NodeRestriction,EventRateLimit',
      'audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log',
      `audit-policy-file=${configDirectory}/audit-policy.yaml`,
      'audit-log-maxage=30',
      'audit-log-maxbackup=10',
      'audit-log-maxsize=50',
      'service-account-extend-token-expiration=false',
      'tls-min-version=VersionTLS12',
      `tls-cipher-suites=${cipherSuites.join(',')}`,
    ],
    'kube-controller-manager-arg': ['terminated-pod-gc-threshold=10'],
    'kubelet-arg': [`config=${configDirectory}/kubelet.yaml`],
  };
  const { settings, overrides } = merge(own, cluster.k3s.config);
  return {
    nodeName,
    files: {
      'config.yaml': document(settings),
      'kubelet.yaml': document(kubeletConfiguration(cluster, platform.drill)),
      'admission.yaml': document(admissionConfiguration()),
      'audit-policy.yaml': document(auditPolicy()),
    },
    overrides,
  };
}

/** K3s' own rule for its drop-in files: a key replaces, a key with `+` adds to the list. */
function merge(own: Settings, passed: Settings): { settings: Settings; overrides: Override[] } {
  const settings: Record<string, Setting> = { ...own };
  const overrides: Override[] = [];
  for (const [written, value] of Object.entries(passed)) {
    const key = written.replace(/\+$/, '');
    const before = settings[key];
    const extend = written.endsWith('+') && before !== undefined;
    settings[key] = extend ? [...list(before), ...list(value)] : value;
    overrides.push({
      key,
      change: extend ? 'extended' : before === undefined ? 'added' : 'replaced',
      socle: own[key] ?? null,
    });
  }
  return { settings, overrides };
}

const list = (value: Setting): string[] => (Array.isArray(value) ? value : [String(value)]);

const document = (value: unknown) => `# Written by Socle.\n${stringify(value, { lineWidth: 0 })}`;
