import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { defaultAccountObjects } from './default-accounts.ts';
import { localPathObjects } from './local-path.ts';
import { manifest } from './objects.ts';

const read = (text: string) => parseAllDocuments(text).map((document) => document.toJS());
const objects = read(manifest(localPathObjects()));
const find = (kind: string) => objects.find((object) => object.kind === kind);

test('a volume outlives its claim, and the class is the default one', () => {
  expect(find('StorageClass')).toMatchObject({
    metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    reclaimPolicy: 'Retain',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
});

test('the provisioner runs as nobody, with a command of its own, from an image named in full', () => {
  const pod = find('Deployment').spec.template.spec;
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  const [container] = pod.containers;
  expect(container.image).toMatch(/^docker\.io\/.+:v[\d.]+$/);
  expect(container.command).toEqual(['/usr/bin/local-path-provisioner']);
  expect(container.resources.limits.memory).toBeDefined();
});

test('it writes pods in its own namespace only, and its texts survive the YAML', () => {
  const writes = ({ rules }: { rules: { resources: string[]; verbs: string[] }[] }) =>
    rules.filter(({ verbs }) => verbs.includes('delete')).flatMap(({ resources }) => resources);
  expect(writes(find('Role'))).toEqual(['pods']);
  expect(writes(find('ClusterRole'))).toEqual(['persistentvolumes']);
  const { data } = find('ConfigMap');
  expect(data.setup).toMatch(/^#!\/bin\/sh\nset -eu\n/);
  expect(JSON.parse(data['config.json']).nodePathMap[0].paths).toEqual(['/var/lib/rancher/k3s/storage']);
  expect(parse(data['helperPod.yaml'])).toMatchObject({ kind: 'Pod' });
});

test('its helper pods run under an account that is there, without rights and without a token', () => {
  const [container] = find('Deployment').spec.template.spec.containers;
  const name = container.args[container.args.indexOf('--service-account-name') + 1];
  const account = objects.find((object) => object.kind === 'ServiceAccount' && object.metadata.name === name);
  expect(account).toMatchObject({ automountServiceAccountToken: false });
  const bound = objects.flatMap(({ subjects = [] }) => subjects.map((subject: { name: string }) => subject.name));
  expect(bound).not.toContain(name);
});

test('every object of a namespace that Socle makes comes after it', () => {
  expect(objects[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'local-path-storage' } });
});

test('default service accounts give no token', () => {
  const accounts = read(manifest(defaultAccountObjects()));
  expect(accounts).toHaveLength(4);
  for (const account of accounts) expect(account.automountServiceAccountToken).toBe(false);
});
