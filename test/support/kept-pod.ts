import { manifest } from '../../src/cluster/objects.ts';

const namespace = 'try';

/** A deployment with a volume at /data, as restricted as Pod Security asks, and its claim. */
export const withVolume = (name: string, command: readonly string[]) => [
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 65_534, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'it',
              image: 'docker.io/library/socle-test:1',
              imagePullPolicy: 'Never',
              command,
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
        },
      },
    },
  },
];

export const tryNamespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };

/** A web server with a volume, behind a Service that a NodePort leads to as well. Its pages are files of the volume. */
export const keptPod = ({ serviceAddress, nodePort }: { readonly serviceAddress: string; readonly nodePort: number }) =>
  manifest([
    tryNamespace,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kept', namespace },
      spec: {
        type: 'NodePort',
        clusterIP: serviceAddress,
        selector: { app: 'kept' },
        ports: [{ port: 80, targetPort: 8080, nodePort }],
      },
    },
    ...withVolume('kept', ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/data']),
  ]);
