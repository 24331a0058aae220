import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parsePlatform } from '../platform/load.ts';
import { type K3sPlan, planK3s } from './config.ts';

function planOf(cluster: string, more = ''): K3sPlan {
  const platform = parsePlatform(`name: atelier\nenvironment: dev\ncluster: ${cluster}\n${more}`, 'platform.yaml');
  if (!platform.cluster) throw new Error('no cluster');
  return planK3s(platform, platform.cluster);
}
const read = (plan: K3sPlan, file: string) => parse(plan.files[file] ?? '');

test('K3s listens on the private address only, under a name of its own', () => {
  const config = read(planOf('{}', 'vpn: {subnet: 10.9.0.0/24}'), 'config.yaml');
  for (const key of ['bind-address', 'advertise-address', 'node-ip']) expect(config[key]).toBe('10.9.0.1');
  expect(config).toMatchObject({ 'node-name': 'atelier', 'tls-san': ['10.9.0.1', 'atelier'] });
  expect(planOf('{node_name: one}').nodeName).toBe('one');
});

test('nothing of K3s’ packaged parts but CoreDNS runs, and what the hardening guide asks for is there', () => {
  const plan = planOf('{}');
  const config = read(plan, 'config.yaml');
  expect(config).toMatchObject({
    disable: ['traefik', 'servicelb', 'local-storage', 'metrics-server'],
    'disable-helm-controller': true,
    'protect-kernel-defaults': true,
    'secrets-encryption': true,
    'write-kubeconfig-mode': '0600',
    'kube-controller-manager-arg': ['terminated-pod-gc-threshold=10'],
  });
  expect(config['kube-apiserver-arg']).toContain('enable-admission-plugins=NodeRestriction,EventRateLimit');
  const named = JSON.stringify(config).match(/\/etc\/rancher\/k3s\/[a-z-]+\.yaml/g);
  expect(new Set(named)).toEqual(
    new Set(Object.keys(plan.files).flatMap((name) => (name === 'config.yaml' ? [] : [`/etc/rancher/k3s/${name}`]))),
  );
  expect(read(plan, 'kubelet.yaml')).toMatchObject({ streamingConnectionIdleTimeout: '5m', podPidsLimit: 4096 });
  expect(plan.overrides).toEqual([]);
});

test('the networks are those of the platform file', () => {
  const own = planOf('{networks: {pods: 10.100.0.0/16, services: 10.101.0.0/16}}');
  expect(read(own, 'config.yaml')).toMatchObject({ 'cluster-cidr': '10.100.0.0/16', 'service-cidr': '10.101.0.0/16' });
});

test.each([
  ['{networks: {pods: 10.8.0.0/16}}', '', /it overlaps vpn\.subnet/],
  ['{networks: {pods: 10.43.0.0/16}}', '', /cluster\.networks\.services: it overlaps cluster\.networks\.pods/],
  ['{}', 'vpn: {subnet: 10.42.7.0/24}', /cluster\.networks\.pods: it overlaps vpn\.subnet/],
  ['{}', 'host: {address: 10.43.0.9}', /cluster\.networks\.services: it overlaps host\.address/],
  ['{networks: {pods: 10.42.0.0/25}}', '', /from \/12 to \/24/],
  ['{k3s: {config: {service-cidr: 10.50.0.0/16}}}', '', /has to know this network[\s\S]*cluster\.networks\.services/],
])('the networks of cluster %s with %j are refused', (cluster, more, why) => {
  expect(() => planOf(cluster, more)).toThrow(why);
});

test('the mode of the kubeconfig stays text: as a number, YAML would make it octal', () => {
  expect(planOf('{}').files['config.yaml']).toContain('write-kubeconfig-mode: "0600"');
});

test('pods are restricted by default, and events are limited', () => {
  const [security, events] = read(planOf('{}'), 'admission.yaml').plugins;
  expect(security.configuration.defaults.enforce).toBe('restricted');
  expect(security.configuration.exemptions.namespaces).toEqual(['kube-system']);
  expect(events.configuration.limits.map(({ type }: { type: string }) => type)).toEqual([
    'Server',
    'Namespace',
    'User',
  ]);
});

test('the audit log never holds the content of a request', () => {
  const levels = read(planOf('{}'), 'audit-policy.yaml').rules.map(({ level }: { level: string }) => level);
  expect(new Set(levels)).toEqual(new Set(['None', 'Metadata']));
  expect(levels.at(-1)).toBe('Metadata');
});

test('what a drill may take is reserved beside the memory of the system', () => {
  const plan = planOf(
    '{reserved: {memory: 768MiB, cpu: 300m}}',
    'drill: {limits: {memory: 512MiB}}\nbackup: {vault: {repository: /v, password: {file: /p}}}',
  );
  expect(read(plan, 'kubelet.yaml').systemReserved).toEqual({ cpu: '300m', memory: '1280Mi' });
});

test('what the platform file passes through wins, and is told', () => {
  const plan = planOf(
    '{k3s: {config: {protect-kernel-defaults: false, kubelet-arg+: [max-pods=80], flannel-backend: host-gw, kube-scheduler-arg+: v=2}}}',
  );
  expect(read(plan, 'config.yaml')).toMatchObject({
    'protect-kernel-defaults': false,
    'kubelet-arg': ['config=/etc/rancher/k3s/kubelet.yaml', 'max-pods=80'],
    'flannel-backend': 'host-gw',
    'kube-scheduler-arg': 'v=2',
  });
  expect(plan.overrides).toEqual([
    { key: 'protect-kernel-defaults', change: 'replaced', socle: true },
    { key: 'kubelet-arg', change: 'extended', socle: ['config=/etc/rancher/k3s/kubelet.yaml'] },
    { key: 'flannel-backend', change: 'added', socle: null },
    { key: 'kube-scheduler-arg', change: 'added', socle: null },
  ]);
});

test('a secret in what is passed through is refused, with the key to use instead', () => {
  expect(() => planOf('{k3s: {config: {token: abc}}}')).toThrow(/platform\.yaml:3:\d+.*secret[\s\S]*token-file/);
  expect(() => planOf('{k3s: {config: {agent-token+: abc}}}')).toThrow(/agent-token-file/);
  expect(() => planOf('{k3s: {config: {Bad Key: 1}}}')).toThrow(/Bad Key/);
});
