import { z } from 'zod';
import { piece, section, sections, withoutCluster } from './piece.ts';

const metadata = z.looseObject({ name: z.string(), namespace: z.string().optional() });
const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });

const securityContext = z
  .looseObject({ privileged: z.boolean().optional(), allowPrivilegeEscalation: z.boolean().optional() })
  .optional();
const pod = z.object({
  metadata,
  spec: z.looseObject({
    hostPID: z.boolean().optional(),
    hostIPC: z.boolean().optional(),
    hostNetwork: z.boolean().optional(),
    containers: z.array(
      z.looseObject({
        name: z.string(),
        securityContext,
        ports: z.array(z.looseObject({ hostPort: z.number().optional() })).optional(),
      }),
    ),
  }),
});
const account = z.object({ metadata, automountServiceAccountToken: z.boolean().optional() });
const policy = z.object({ metadata });
const namespace = z.object({
  metadata: metadata.extend({ labels: z.record(z.string(), z.string()).optional() }),
});
const volume = z.object({
  metadata,
  spec: z.looseObject({
    claimRef: z.looseObject({ name: z.string(), namespace: z.string() }).optional(),
    persistentVolumeReclaimPolicy: z.string().optional(),
  }),
  status: z.looseObject({ phase: z.string().optional() }).optional(),
});
const binding = z.object({
  metadata,
  roleRef: z.looseObject({ name: z.string() }),
  subjects: z.array(z.looseObject({ kind: z.string(), name: z.string() })).optional(),
});

export interface ClusterObjects {
  readonly namespaces: readonly z.output<typeof namespace>[];
  readonly pods: readonly z.output<typeof pod>[];
  readonly accounts: readonly z.output<typeof account>[];
  readonly policies: readonly z.output<typeof policy>[];
  readonly volumes: readonly z.output<typeof volume>[];
  readonly bindings: readonly z.output<typeof binding>[];
}

const get = (name: string, resource: string) => `${section(name)}
k3s kubectl get ${resource} -A -o json`;

/** What lives in the cluster, as far as checks look at it. */
export const clusterObjects = piece<ClusterObjects>({
  nothing: withoutCluster,
  script: `set -e
${get('namespaces', 'namespaces')}
${get('pods', 'pods')}
${get('accounts', 'serviceaccounts --field-selector metadata.name=default')}
${get('policies', 'networkpolicies')}
${get('volumes', 'persistentvolumes')}
${get('bindings', 'clusterrolebindings')}`,
  parse(stdout) {
    const of = sections(stdout);
    const read = <T extends z.ZodType>(name: string, item: T) =>
      list(item).parse(JSON.parse(of(name).join('\n'))).items;
    return {
      namespaces: read('namespaces', namespace),
      pods: read('pods', pod),
      accounts: read('accounts', account),
      policies: read('policies', policy),
      volumes: read('volumes', volume),
      bindings: read('bindings', binding),
    };
  },
});
