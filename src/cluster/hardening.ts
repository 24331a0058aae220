import type { ClusterConfig, Platform } from '../platform/schema.ts';

/** Documents that K3s reads beside its config.yaml: kubelet, admission and audit, as its hardening guide asks for. */

/** Forward secrecy and authenticated encryption only (TLS 1.2; those of TLS 1.3 cannot be chosen). */
export const cipherSuites = ['ECDSA', 'RSA'].flatMap((key) =>
  ['AES_256_GCM_SHA384', 'AES_128_GCM_SHA256', 'CHACHA20_POLY1305_SHA256'].map(
    (cipher) => `TLS_ECDHE_${key}_WITH_${cipher}`,
  ),
);

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)}Mi`;

/** Seconds that all pods get to end when the host goes down; of these, seconds of those that the cluster itself needs. */
export const shutdownGrace = { all: 30, critical: 10 };

/**
 * The kubelet's configuration. The memory of a drill is reserved beside the system's, so that none evicts a pod.
 * Pods are ended in order when the host goes down, and not killed with it: logind has to let the kubelet hold that back
 * for so long before K3s starts (docs/adr/0033).
 */
export function kubeletConfiguration({ reserved }: ClusterConfig, drill: Platform['drill']): Record<string, unknown> {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    systemReserved: { cpu: reserved.cpu, memory: mebibytes(reserved.memory + drill.limits.memory) },
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '5%',
      'nodefs.inodesFree': '5%',
      'imagefs.available': '5%',
    },
    podPidsLimit: 4096,
    streamingConnectionIdleTimeout: '5m',
    tlsMinVersion: 'VersionTLS12',
    tlsCipherSuites: cipherSuites,
    shutdownGracePeriod: `${shutdownGrace.all}s`,
    shutdownGracePeriodCriticalPods: `${shutdownGrace.critical}s`,
  };
}

/**
 * Pod Security `restricted` unless a namespace says otherwise, K3s' own excepted; and a limit to what events a
 * namespace or a user can flood the datastore with (EventRateLimit has no defaults: it needs this stanza).
 */
export function admissionConfiguration(): Record<string, unknown> {
  const modes = ['enforce', 'audit', 'warn'].flatMap((mode) => [
    [mode, 'restricted'],
    [`${mode}-version`, 'latest'],
  ]);
  return {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'PodSecurity',
        configuration: {
          apiVersion: 'pod-security.admission.config.k8s.io/v1',
          kind: 'PodSecurityConfiguration',
          defaults: Object.fromEntries(modes),
          exemptions: { usernames: [], runtimeClasses: [], namespaces: ['kube-system'] },
        },
      },
      {
        name: 'EventRateLimit',
        configuration: {
          apiVersion: 'eventratelimit.admission.k8s.io/v1alpha1',
          kind: 'Configuration',
          limits: [
            { type: 'Server', qps: 500, burst: 5000 },
            { type: 'Namespace', qps: 50, burst: 500, cacheSize: 2000 },
            { type: 'User', qps: 50, burst: 500, cacheSize: 2000 },
          ],
        },
      },
    ],
  };
}

/**
 * Who did what, without the content of requests: a Secret's value is never logged. What the cluster reads and renews
 * by itself all day long is left out, so that the log of a month fits.
 */
export function auditPolicy(): Record<string, unknown> {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/metrics'] },
      { level: 'None', resources: [{ group: '', resources: ['events'] }, { group: 'events.k8s.io' }] },
      { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
      { level: 'Metadata', resources: [{ group: '', resources: ['secrets', 'serviceaccounts/token'] }] },
      {
        level: 'None',
        userGroups: ['system:nodes', 'system:serviceaccounts'],
        verbs: ['get', 'list', 'watch'],
      },
      { level: 'None', users: ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler'] },
      { level: 'Metadata' },
    ],
  };
}
