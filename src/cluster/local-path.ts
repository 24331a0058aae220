import { stringify } from 'yaml';
import { images } from './lock.ts';
import type { KubernetesObject } from './objects.ts';

/**
 * The volume provisioner: directories of the host as volumes. K3s' packaged one is off because it deletes data with
 * the claim, and K3s writes it anew at every start. Derived from the upstream manifest of local-path-provisioner 0.0.36
 * (deploy/local-path-storage.yaml) and the one that K3s packages.
 */

const storageNamespace = 'local-path-storage';
const provisionerName = 'local-path-provisioner';
/** Helper pods run as root on directories of the host: their account has no rights and no token. */
const helperName = 'local-path-helper';
const configName = 'local-path-config';

/** Where volumes lie on the host. */
const volumeDirectory = '/var/lib/rancher/k3s/storage';

export function localPathObjects(): KubernetesObject[] {
  return [namespace(), ...access(), config(), deployment(), storageClass()];
}

/** Its helper pods make directories on the host, which `restricted` forbids; nothing else may run in here. */
function namespace(): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: storageNamespace, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
  };
}

const read = ['get', 'list', 'watch'];
const write = [...read, 'create', 'patch', 'update', 'delete'];

function access(): KubernetesObject[] {
  const api = 'rbac.authorization.k8s.io';
  const inNamespace = { name: provisionerName, namespace: storageNamespace };
  const subjects = [{ kind: 'ServiceAccount', ...inNamespace }];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inNamespace },
    // The helper's, and the namespace's own (CIS 5.1.5).
    ...[helperName, 'default'].map((name) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: storageNamespace },
      automountServiceAccountToken: false,
    })),
    {
      apiVersion: `${api}/v1`,
      kind: 'Role',
      metadata: inNamespace,
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: write },
        { apiGroups: [''], resources: ['pods/log', 'configmaps'], verbs: read },
      ],
    },
    {
      apiVersion: `${api}/v1`,
      kind: 'RoleBinding',
      metadata: inNamespace,
      roleRef: { apiGroup: api, kind: 'Role', name: provisionerName },
      subjects,
    },
    {
      apiVersion: `${api}/v1`,
      kind: 'ClusterRole',
      metadata: { name: provisionerName },
      rules: [
        { apiGroups: [''], resources: ['nodes', 'persistentvolumeclaims', 'pods'], verbs: read },
        { apiGroups: [''], resources: ['persistentvolumes'], verbs: write },
        { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
        { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: read },
      ],
    },
    {
      apiVersion: `${api}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: provisionerName },
      roleRef: { apiGroup: api, kind: 'ClusterRole', name: provisionerName },
      subjects,
    },
  ];
}

/** Upstream's scripts; a volume's directory lies in one that only root may enter. */
function config(): KubernetesObject {
  const nodePathMap = [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: [volumeDirectory] }];
  const helperPod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'helper-pod' },
    spec: { containers: [{ name: 'helper-pod', image: images.busybox, imagePullPolicy: 'IfNotPresent' }] },
  };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: configName, namespace: storageNamespace },
    data: {
      'config.json': JSON.stringify({ nodePathMap }),
      setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\nchmod 700 "$VOL_DIR/.."\n',
      teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
      'helperPod.yaml': stringify(helperPod),
    },
  };
}

function deployment(): KubernetesObject {
  const labels = { app: provisionerName };
  const container = {
    name: provisionerName,
    image: images.localPathProvisioner,
    imagePullPolicy: 'IfNotPresent',
    command: ['/usr/bin/local-path-provisioner'],
    args: ['start', '--config', '/etc/config/config.json', '--service-account-name', helperName],
    env: [
      { name: 'POD_NAMESPACE', value: storageNamespace },
      { name: 'CONFIG_MOUNT_PATH', value: '/etc/config/' },
    ],
    volumeMounts: [{ name: 'config', mountPath: '/etc/config', readOnly: true }],
    resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: provisionerName, namespace: storageNamespace },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 0,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: provisionerName,
          priorityClassName: 'system-node-critical',
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_534,
            runAsGroup: 65_534,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [container],
          volumes: [{ name: 'config', configMap: { name: configName } }],
        },
      },
    },
  };
}

/** Retain: a claim that is deleted, by a person or by GitOps, leaves its data. */
function storageClass(): KubernetesObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: 'local-path',
      annotations: { defaultVolumeType: 'local', 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: 'rancher.io/local-path',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Retain',
  };
}
