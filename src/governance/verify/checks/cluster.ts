import { planK3s } from '../../../cluster/config.ts';
import { lock } from '../../../cluster/lock.ts';
import { type Check, check, fail, pass, passUnless, skip, some, warn } from '../check.ts';
import type { ClusterObjects } from '../host/cluster-objects.ts';
import { breaking, type Rule } from './files.ts';

const up = 'run `socle up`; then see who changed it';

const fileRules: readonly Rule[] = [
  { path: /^\/etc\/rancher\/(k3s|node)$|^\/etc\/rancher$/, most: 0o755 },
  { path: /^\/etc\/rancher\/node\/password$/, most: 0o600 },
  { path: /^\/etc\/rancher\/k3s\//, most: 0o600 },
  {
    path: /^\/var\/lib\/rancher\/k3s\/server\/(token|agent-token|node-token|cred(\/.*)?|db|logs)$/,
    most: 0o700,
  },
];

/** Kinds of pods that K3s' own namespaces, and the provisioner of volumes, may hold. */
const ofSystem = ['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage'];

type Pod = ClusterObjects['pods'][number];
const nameOf = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`;

/** A point about what pods may do; Socle's own namespaces are looked at, too, where nothing there needs it. */
const pods = (id: string, title: string, bad: (pod: Pod) => boolean): Check =>
  check({
    id,
    title,
    requirements: ['FR4', 'FR6'],
    side: 'inside',
    next: 'see why the pod needs it: `kubectl get pod -o yaml`; Pod Security refuses it unless its namespace says otherwise',
    looks: ['clusterObjects'],
    judge: ({ clusterObjects }) =>
      passUnless(clusterObjects.pods.filter(bad).map(nameOf), `${clusterObjects.pods.length} pods`),
  });

const anyContainer = (bad: (of: Pod['spec']['containers'][number]) => boolean) => (pod: Pod) =>
  pod.spec.containers.some(bad);

export const clusterChecks: readonly Check[] = [
  check({
    id: 'k3s-service',
    title: 'K3s runs, and comes with the host',
    requirements: ['FR1', 'NFR-6'],
    side: 'inside',
    next: '`systemctl status k3s` on the host says why; `socle up` starts it',
    looks: ['services', 'clusterServer'],
    judge({ services: { 'k3s.service': unit } }) {
      const good = unit.active === 'active' && unit.file === 'enabled';
      return (good ? pass : fail)(`k3s.service is ${unit.active}, ${unit.file || 'not there'}`);
    },
  }),
  check({
    id: 'k3s-version',
    title: 'K3s has the version of the lock',
    requirements: ['FR1', 'FR9'],
    side: 'inside',
    next: 'run `socle up`',
    looks: ['clusterServer'],
    judge({ clusterServer: { version } }, { platform }) {
      if (version === lock.k3s.version) return pass(version);
      const vouched = platform.cluster?.mirror_sums !== undefined;
      const text = `${version}, not ${lock.k3s.version}`;
      return vouched ? warn(`${text}: it is what \`cluster.mirror_sums\` vouches for`) : fail(text);
    },
  }),
  check({
    id: 'k3s-passed-through',
    title: 'K3s is told nothing but what Socle models',
    requirements: ['FR9'],
    side: 'inside',
    next: 'see that each of these is still needed: `cluster.k3s.config` wins over Socle’s own settings',
    looks: ['clusterServer'],
    judge(_, { platform }) {
      const { overrides } = platform.cluster ? planK3s(platform, platform.cluster) : { overrides: [] };
      if (overrides.length === 0) return pass('`cluster.k3s.config` is empty');
      return warn(
        some(
          overrides.map(({ key, change }) => `${key} is ${change}`),
          20,
        ),
      );
    },
  }),
  check({
    id: 'k3s-files',
    title: 'token, credentials, datastore and configuration of K3s are for root alone',
    requirements: ['FR8', 'AM-4'],
    side: 'inside',
    next: 'set it back (`chmod`, `chown root:root`); a credential that others could read has to be made anew',
    looks: ['clusterFiles'],
    judge({ clusterFiles }) {
      const about = clusterFiles.filter(({ path }) => fileRules.some((rule) => rule.path.test(path)));
      const token = clusterFiles.some(({ path }) => path === '/var/lib/rancher/k3s/server/token');
      if (!token) return fail('there is no /var/lib/rancher/k3s/server/token');
      return passUnless(breaking(clusterFiles, fileRules), `${about.length} files and directories`);
    },
  }),
  check({
    id: 'cis-1.2.28',
    title: 'every Secret in the datastore is encrypted',
    requirements: ['FR8', 'AM-4', 'MO-5'],
    side: 'inside',
    next: '`k3s secrets-encrypt rotate-keys` on the host encrypts them all anew',
    looks: ['encryption'],
    judge({ encryption: { provider, secrets, plain } }) {
      const text = `${provider}; ${plain} of ${secrets} Secrets are not encrypted`;
      return (provider !== 'identity' && secrets > 0 && plain === 0 ? pass : fail)(text);
    },
  }),
  check({
    id: 'cis-3.2.1',
    title: 'requests are recorded by a policy that says what',
    requirements: ['FR27', 'AM-3'],
    side: 'inside',
    next: up,
    looks: ['clusterConfig', 'clusterServer'],
    judge({ clusterConfig: { audit }, clusterServer }) {
      const file = clusterServer.arguments['kube-apiserver']['audit-policy-file'];
      const rest = audit.at(-1);
      const good = file !== undefined && rest !== undefined && rest.level !== 'None' && rest.resources.length === 0;
      return (good ? pass : fail)(`${audit.length} rules; what none of them names: ${rest?.level ?? 'nothing'}`);
    },
  }),
  check({
    id: 'cis-3.2.2',
    title: 'the records hold who read Secrets, and never their contents',
    requirements: ['FR27', 'EC-3', 'NFR-5'],
    side: 'inside',
    next: up,
    looks: ['clusterConfig'],
    judge({ clusterConfig: { audit } }) {
      const first = audit.find(({ resources }) => resources.includes('secrets'));
      const loud = audit.filter(({ level }) => level === 'Request' || level === 'RequestResponse');
      if (loud.length > 0) return fail(`${loud.length} rules record contents`);
      return (first?.level === 'Metadata' ? pass : fail)(`Secrets: ${first?.level ?? 'no rule'}`);
    },
  }),
  check({
    id: 'k3s-event-limits',
    title: 'events of the server, of a namespace and of a user have a limit',
    requirements: ['NFR-6'],
    side: 'inside',
    next: up,
    looks: ['clusterConfig'],
    judge({ clusterConfig: { eventLimits } }) {
      const missing = ['Server', 'Namespace', 'User'].filter((type) => !eventLimits.includes(type));
      return passUnless(
        missing.map((type) => `${type} has none`),
        eventLimits.join(', '),
      );
    },
  }),
  check({
    id: 'cis-5.1.1',
    title: 'nobody but the administrators of the cluster has all rights',
    requirements: ['AM-2'],
    side: 'inside',
    next: '`kubectl delete clusterrolebinding NAME` once you know what it is for',
    looks: ['clusterObjects'],
    judge({ clusterObjects: { bindings } }) {
      const all = bindings.filter(({ roleRef }) => roleRef.name === 'cluster-admin');
      const wrong = all.flatMap(({ metadata, subjects = [] }) =>
        subjects
          .filter(({ name }) => name !== 'system:masters')
          .map(({ kind, name }) => `${kind} ${name} by ${metadata.name}`),
      );
      return passUnless(wrong, 'system:masters');
    },
  }),
  check({
    id: 'cis-5.1.5',
    title: 'the default account of a namespace gives its pods no token',
    requirements: ['AM-2'],
    side: 'inside',
    next: '`kubectl -n NAMESPACE patch serviceaccount default -p \'{"automountServiceAccountToken":false}\'`',
    looks: ['clusterObjects'],
    judge({ clusterObjects: { accounts } }) {
      const open = accounts.filter(({ automountServiceAccountToken }) => automountServiceAccountToken !== false);
      const names = open.map(({ metadata }) => metadata.namespace ?? '');
      const ours = names.filter((name) => ofSystem.includes(name) || name === 'default');
      if (ours.length > 0) return fail(some(ours));
      return names.length > 0 ? warn(some(names)) : pass(`${accounts.length} namespaces`);
    },
  }),
  check({
    id: 'cis-5.2.1',
    title: 'Pod Security holds in every namespace, `restricted` unless the namespace says otherwise',
    requirements: ['FR4', 'FR6'],
    side: 'inside',
    next: up,
    looks: ['clusterConfig', 'clusterServer'],
    judge({ clusterConfig: { podSecurity, podSecurityExempt }, clusterServer }) {
      const file = clusterServer.arguments['kube-apiserver']['admission-control-config-file'];
      if (file === undefined) return fail('the API server reads no configuration of admission');
      const exempt = podSecurityExempt.filter((name) => name !== 'kube-system');
      if (exempt.length > 0) return fail(`${some(exempt)} exempt`);
      return (podSecurity.enforce === 'restricted' ? pass : fail)(`enforce: ${podSecurity.enforce ?? 'nothing'}`);
    },
  }),
  pods(
    'cis-5.2.2',
    'no container is privileged',
    anyContainer(({ securityContext }) => securityContext?.privileged === true),
  ),
  pods('cis-5.2.3', 'no pod sees the processes of the host', ({ spec }) => spec.hostPID === true),
  pods('cis-5.2.4', 'no pod shares the memory of the host', ({ spec }) => spec.hostIPC === true),
  pods('cis-5.2.5', 'no pod is in the network of the host', ({ spec }) => spec.hostNetwork === true),
  pods(
    'cis-5.2.6',
    'no container may gain rights',
    anyContainer(({ securityContext }) => securityContext?.allowPrivilegeEscalation === true),
  ),
  check({
    id: 'cis-5.3.2',
    title: 'every namespace of yours says who may talk to its pods',
    requirements: ['FR7'],
    side: 'inside',
    next: 'add a NetworkPolicy to the namespace: without one its pods talk to everybody in the cluster',
    looks: ['clusterObjects'],
    judge({ clusterObjects: { namespaces, policies, pods } }) {
      const inUse = new Set(pods.map(({ metadata }) => metadata.namespace));
      const names = namespaces.map(({ metadata }) => metadata.name).filter((name) => !ofSystem.includes(name));
      const mine = names.filter((name) => inUse.has(name));
      if (mine.length === 0) return skip('no namespace of yours has pods');
      const open = mine.filter((name) => !policies.some(({ metadata }) => metadata.namespace === name));
      return open.length > 0 ? warn(some(open)) : pass(some(mine));
    },
  }),
  check({
    id: 'cis-5.6.4',
    title: 'nothing runs in the namespace `default`',
    requirements: ['FR4'],
    side: 'inside',
    next: 'move the pods named into a namespace of their own',
    looks: ['clusterObjects'],
    judge({ clusterObjects: { pods } }) {
      const found = pods.filter(({ metadata }) => metadata.namespace === 'default');
      return found.length > 0 ? warn(some(found.map(nameOf))) : pass('no pod');
    },
  }),
  check({
    id: 'volumes-retained',
    title: 'volumes outlive their claims',
    requirements: ['FR19', 'FR2'],
    side: 'inside',
    next: '`kubectl patch pv NAME -p \'{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}\'`',
    looks: ['clusterObjects'],
    judge({ clusterObjects: { volumes } }) {
      const lost = volumes.filter(({ spec }) => spec.persistentVolumeReclaimPolicy === 'Delete');
      return passUnless(
        lost.map(({ metadata }) => metadata.name),
        `${volumes.length} volumes`,
      );
    },
  }),
  check({
    id: 'volumes-backed-up',
    title: 'no volume is in use that no backup holds',
    requirements: ['FR21', 'FR22'],
    side: 'inside',
    next: 'add the database in it to `databases`; files in volumes have no backup of Socle’s: copy them yourself',
    looks: ['clusterObjects'],
    judge({ clusterObjects: { volumes } }, { platform }) {
      const bound = volumes.filter(({ status }) => status?.phase === 'Bound');
      if (bound.length === 0) return skip('no volume is in use');
      const hosts = platform.databases.map(({ connection }) => ('host' in connection ? (connection.host ?? '') : ''));
      const covered = (namespace: string) => hosts.some((host) => host.split('.').slice(1).includes(namespace));
      const open = bound.flatMap(({ spec: { claimRef } }) =>
        claimRef && !covered(claimRef.namespace) ? [`${claimRef.namespace}/${claimRef.name}`] : [],
      );
      return open.length > 0
        ? warn(some(open))
        : pass(`${bound.length} volumes, in namespaces with a database that is backed up`);
    },
  }),
];
