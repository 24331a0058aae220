import { cipherSuites } from '../../../cluster/hardening.ts';
import { type Check, check, fail, pass } from '../check.ts';
import type { Arguments, Component } from '../host/cluster.ts';

/** Arguments that K3s starts its components with, by the points of the CIS Kubernetes Benchmark 2.1. */

/** What an argument has to be; undefined stands for one that is not set. */
type Rule = (value: string | undefined) => boolean;

const set: Rule = (value) => value !== undefined && value !== '';
const notSet: Rule = (value) => value === undefined;
const is =
  (wanted: string): Rule =>
  (value) =>
    value === wanted;
const isNot =
  (bad: string): Rule =>
  (value) =>
    value !== bad;
const members = (value: string | undefined) => value?.split(',') ?? [];
const has =
  (member: string): Rule =>
  (value) =>
    members(value).includes(member);
const hasNot =
  (member: string): Rule =>
  (value) =>
    !members(value).includes(member);
const least =
  (number: number): Rule =>
  (value) =>
    Number(value) >= number;
const loopback: Rule = (value) => value === undefined || /^(127\.|::1|localhost)/.test(value);

/** A row is one point: its number, what it says, the argument, and the rule for it. */
type Row = readonly [point: string, title: string, argument: string, rule: Rule];

const apiServer: readonly Row[] = [
  ['1.2.1', 'nobody is served without credentials', 'anonymous-auth', is('false')],
  ['1.2.2', 'there is no file of fixed tokens', 'token-auth-file', notSet],
  ['1.2.4', 'it shows the kubelet a certificate', 'kubelet-client-certificate', set],
  ['1.2.5', 'it knows the kubelet by its certificate', 'kubelet-certificate-authority', set],
  ['1.2.6', 'not everything is allowed', 'authorization-mode', hasNot('AlwaysAllow')],
  ['1.2.7', 'a kubelet may read what its own pods need', 'authorization-mode', has('Node')],
  ['1.2.8', 'rights come from roles', 'authorization-mode', has('RBAC')],
  ['1.2.9', 'events cannot flood the datastore', 'enable-admission-plugins', has('EventRateLimit')],
  ['1.2.10', 'not every request is admitted', 'enable-admission-plugins', hasNot('AlwaysAdmit')],
  ['1.2.12', 'pods have accounts', 'disable-admission-plugins', hasNot('ServiceAccount')],
  ['1.2.13', 'namespaces that end take nothing in', 'disable-admission-plugins', hasNot('NamespaceLifecycle')],
  ['1.2.14', 'a kubelet changes its own node only', 'enable-admission-plugins', has('NodeRestriction')],
  ['1.2.15', 'it shows no profiles of itself', 'profiling', is('false')],
  ['1.2.16', 'requests are recorded', 'audit-log-path', set],
  ['1.2.17', 'records are kept for 30 days', 'audit-log-maxage', least(30)],
  ['1.2.18', 'ten files of records are kept', 'audit-log-maxbackup', least(10)],
  ['1.2.19', 'a file of records holds 50 MB at least (the guide: 100, or what fits)', 'audit-log-maxsize', least(50)],
  ['1.2.21', 'a token is worth nothing once its account is gone', 'service-account-lookup', isNot('false')],
  ['1.2.22', 'tokens are verified with a key of their own', 'service-account-key-file', set],
  ['1.2.24', 'it shows a certificate', 'tls-cert-file', set],
  ['1.2.25', 'it knows clients by certificates', 'client-ca-file', set],
  ['1.2.27', 'Secrets are encrypted at rest', 'encryption-provider-config', set],
  [
    '1.2.29',
    'ciphers are strong ones',
    'tls-cipher-suites',
    (value) => set(value) && members(value).every((name) => cipherSuites.includes(name)),
  ],
  ['1.2.30', 'tokens of pods end when they say', 'service-account-extend-token-expiration', is('false')],
];

const controllerManager: readonly Row[] = [
  ['1.3.1', 'pods that ended are removed', 'terminated-pod-gc-threshold', least(1)],
  ['1.3.2', 'it shows no profiles of itself', 'profiling', is('false')],
  ['1.3.3', 'each controller has an account of its own', 'use-service-account-credentials', is('true')],
  ['1.3.4', 'tokens are signed with a key of their own', 'service-account-private-key-file', set],
  ['1.3.5', 'pods know the API by its certificate', 'root-ca-file', set],
  ['1.3.6', 'certificates of kubelets are renewed', 'feature-gates', hasNot('RotateKubeletServerCertificate=false')],
  ['1.3.7', 'it listens on loopback', 'bind-address', loopback],
];

const scheduler: readonly Row[] = [
  ['1.4.1', 'it shows no profiles of itself', 'profiling', is('false')],
  ['1.4.2', 'it listens on loopback', 'bind-address', loopback],
];

const proxy: readonly Row[] = [['4.3.1', 'its metrics are on loopback', 'metrics-bind-address', loopback]];

const next = 'take what turns it off out of `cluster.k3s.config`, then run `socle up`';

const point = (component: Component, [number, title, argument, rule]: Row): Check =>
  check({
    id: `cis-${number}`,
    title: `${component}: ${title}`,
    requirements: ['FR4', 'AM-2'],
    side: 'inside',
    next,
    looks: ['clusterServer'],
    judge({ clusterServer }) {
      const given: Arguments = clusterServer.arguments[component];
      const value = given[argument];
      return (rule(value) ? pass : fail)(value === undefined ? `--${argument} is not set` : `--${argument}=${value}`);
    },
  });

export const cisArgumentChecks: readonly Check[] = [
  ...apiServer.map((row) => point('kube-apiserver', row)),
  ...controllerManager.map((row) => point('kube-controller-manager', row)),
  ...scheduler.map((row) => point('kube-scheduler', row)),
  ...proxy.map((row) => point('kube-proxy', row)),
];
