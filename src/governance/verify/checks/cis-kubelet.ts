import { cipherSuites } from '../../../cluster/hardening.ts';
import { type Check, check, fail, pass, skip } from '../check.ts';
import type { KubeletFacts } from '../host/cluster.ts';

/** What the kubelet goes by, as it tells itself, by the points of the CIS Kubernetes Benchmark 2.1. */

type Row = readonly [
  point: string,
  title: string,
  value: (of: KubeletFacts) => unknown,
  good: (value: unknown) => boolean,
];

const is = (wanted: unknown) => (value: unknown) => value === wanted;
const isNot = (bad: unknown) => (value: unknown) => value !== bad;
const set = (value: unknown) => typeof value === 'string' && value !== '';

const rows: readonly Row[] = [
  ['4.2.1', 'nobody is served without credentials', (of) => of.authentication.anonymous?.enabled, is(false)],
  ['4.2.2', 'the API server says who may what', (of) => of.authorization.mode, is('Webhook')],
  ['4.2.3', 'clients are known by certificates', (of) => of.authentication.x509?.clientCAFile, set],
  ['4.2.4', 'there is no port without credentials', (of) => of.readOnlyPort ?? 0, is(0)],
  [
    '4.2.5',
    'streams that nobody uses end',
    (of) => of.streamingConnectionIdleTimeout,
    (value) => set(value) && !/^0+[smh]?$/.test(String(value)),
  ],
  ['4.2.6', 'the rules of packets that it needs are made', (of) => of.makeIPTablesUtilChains ?? true, is(true)],
  ['4.2.8', 'events are recorded, and not without a limit', (of) => of.eventRecordQPS ?? 50, isNot(0)],
  ['4.2.9', 'it shows a certificate', (of) => of.tlsCertFile, set],
  ['4.2.10', 'its certificate is renewed', (of) => of.rotateCertificates, isNot(false)],
  [
    '4.2.11',
    'the certificate that it shows is renewed',
    (of) => of.featureGates?.RotateKubeletServerCertificate,
    isNot(false),
  ],
  [
    '4.2.12',
    'ciphers are strong ones',
    (of) => of.tlsCipherSuites,
    (value) => Array.isArray(value) && value.length > 0 && value.every((name) => cipherSuites.includes(String(name))),
  ],
  ['4.2.13', 'a pod has a limit of processes', (of) => of.podPidsLimit, (value) => Number(value) > 0],
];

const next = 'take what changes it out of `cluster.k3s.config`, then run `socle up`';
const requirements = ['FR4', 'AM-2'];
const tell = (value: unknown) =>
  value === undefined ? 'not set' : Array.isArray(value) ? value.join(', ') : String(value);

export const cisKubeletChecks: readonly Check[] = [
  ...rows.map(([point, title, read, good]) =>
    check({
      id: `cis-${point}`,
      title: `kubelet: ${title}`,
      requirements,
      side: 'inside' as const,
      next,
      looks: ['kubelet'],
      judge({ kubelet }) {
        const value = read(kubelet);
        return (good(value) ? pass : fail)(tell(value));
      },
    }),
  ),
  check({
    id: 'k3s-kernel-defaults',
    title: 'kubelet: it changes no setting of the kernel, and refuses to run on others than it expects',
    requirements,
    side: 'inside',
    next,
    looks: ['kubelet', 'system'],
    judge({ kubelet: { protectKernelDefaults }, system: { container } }) {
      if (protectKernelDefaults === true) return pass('protectKernelDefaults is on');
      if (container !== null) return skip(`the kernel belongs to the machine below (${container})`);
      return fail('protectKernelDefaults is off');
    },
  }),
];
