import { manifest } from '../../src/cluster/objects.ts';

const namespace = 'try';
const app = { app: 'kept' };

/**
 * A web server with a volume, as restricted as Pod Security asks, behind a Service that a NodePort leads to as well. Its
 * pages are files of the volume.
 */
export const keptPod = ({ serviceAddress, nodePort }: { readonly serviceAddress: string; readonly nodePort: number }) =>
  manifest([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'kept', namespace },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kept', namespace },
      spec: {
        type: 'NodePort',
        clusterIP: serviceAddress,
        selector: app,
        ports: [{ port: 80, targetPort: 8080, nodePort }],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'kept', namespace },
      spec: {
        selector: { matchLabels: app },
        template: {
          metadata: { labels: app },
          spec: {
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, runAsUser: 65_534, seccompProfile: { type: 'RuntimeDefault' } },
            containers: [
              {
                name: 'web',
                image: 'docker.io/library/socle-test:1',
                imagePullPolicy: 'Never',
                command: ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/data'],
                volumeMounts: [{ name: 'data', mountPath: '/data' }],
                securityContext: {
                  allowPrivilegeEscalation: false,
                  capabilities: { drop: ['ALL'] },
                  readOnlyRootFilesystem: true,
                },
              },
            ],
            volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'kept' } }],
          },
        },
      },
    },
  ]);
