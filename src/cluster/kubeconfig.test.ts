import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { operatorKubeconfig } from './kubeconfig.ts';

const written = `apiVersion: v1
clusters:
- cluster: {certificate-authority-data: Q0E=, server: https://127.0.0.1:6443}
  name: default
contexts:
- context: {cluster: default, user: default}
  name: default
current-context: default
kind: Config
users:
- name: default
  user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}
`;

test('the operator’s kubeconfig has the platform’s name and the address in the VPN, and does not print itself', () => {
  const file = operatorKubeconfig(written, 'atelier', '10.8.0.1');
  expect(String(file)).not.toContain('S0VZ');
  expect(parse(file.reveal())).toEqual({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'atelier',
    contexts: [{ name: 'atelier', context: { cluster: 'atelier', user: 'atelier' } }],
    clusters: [{ name: 'atelier', cluster: { 'certificate-authority-data': 'Q0E=', server: 'https://10.8.0.1:6443' } }],
    users: [{ name: 'atelier', user: { 'client-certificate-data': 'Q0VSVA==', 'client-key-data': 'S0VZ' } }],
  });
});

test('what is no kubeconfig of K3s is refused', () => {
  expect(() => operatorKubeconfig('clusters: []', 'a', '10.8.0.1')).toThrow();
});
