import type { KubernetesObject } from './objects.ts';

/**
 * The default service account of each namespace that is there from the start gives its pods no token: what talks to
 * the API says so with an account of its own (CIS 5.1.5).
 */
export function defaultAccountObjects(): KubernetesObject[] {
  return ['default', 'kube-node-lease', 'kube-public', 'kube-system'].map((namespace) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace },
    automountServiceAccountToken: false,
  }));
}
