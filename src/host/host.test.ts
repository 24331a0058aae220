import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { lock } from '../cluster/lock.ts';
import { SocleError } from '../kernel/errors.ts';
import { parsePlatform } from '../platform/load.ts';
import { bundle } from './bundle.ts';
import { chooseDomains, parseDomains } from './domains.ts';
import type { HostFacts } from './facts.ts';
import { fingerprint } from './host-key.ts';
import { requireAvailable } from './postgresql.ts';
import { parseLine, recordNamed } from './records.ts';
import { requireSupported } from './requirements.ts';
import { rootCommand, type SshTarget, sshFailure, type Way } from './ssh.ts';
import { ansibleVariables } from './variables.ts';

const target: SshTarget = { platform: 't', user: 'debian', port: 2222, knownHosts: '/k', identity: undefined };
const way: Way = { kind: 'public', address: '198.51.100.20' };
const alone = parsePlatform('name: t\nenvironment: dev\n', 'f');
const watched = parsePlatform(
  'name: t\nenvironment: dev\ndatabases: [{name: shop, connection: {database: shop}}]\n',
  'f',
);
const clustered = parsePlatform('name: t\nenvironment: dev\ncluster: {}\n', 'f');
const codeOf = (work: () => unknown) => {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof SocleError ? error.code : error;
  }
};

test('ssh is strict about the host key, and the script is one word for the remote shell', () => {
  const command = rootCommand(target, way, "echo 'it'", ['a b']);
  expect(command).toContain('StrictHostKeyChecking=yes');
  expect(command).toContain('HostKeyAlias=socle-t');
  expect(command.slice(-3)).toEqual([
    '--',
    '198.51.100.20',
    `sudo -n sh -c 'echo '\\''it'\\''' 'socle' "$SSH_CONNECTION" 'a b'`,
  ]);
  expect(rootCommand({ ...target, user: 'root' }, way, 'true').at(-1)).not.toContain('sudo');
});

test.each([
  ['host-unreachable', 255, 'ssh: connect to host 198.51.100.20 port 22: Connection timed out'],
  ['host-unreachable', 255, 'ssh: Could not resolve hostname vps.example: Temporary failure in name resolution'],
  ['host-unknown', 255, 'ssh: Could not resolve hostname vps.example: Name or service not known'],
  ['host-unknown', 255, 'ssh: Could not resolve hostname vps.example: No address associated with hostname'],
  ['host-key-changed', 255, 'Host key verification failed.'],
  ['host-denied', 255, 'debian@198.51.100.20: Permission denied (publickey).'],
  ['host-denied', 1, 'sudo: a password is required'],
  ['host-denied', 127, 'bash: line 1: sudo: command not found'],
  ['command-failed', 1, 'E: Unable to locate package ansible-core'],
])('%s is what exit code %i with %j means', (code, exitCode, stderr) => {
  expect(sshFailure(target, way, { exitCode, stderr, stdout: '' }).code).toBe(code);
});

test('fingerprints are those of ssh-keygen', () => {
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIIc+ILEapaDfs0l2mFW+dD76AQakqPYQoVfUPq6kiJUG';
  expect(fingerprint(key)).toBe('SHA256:ZMNoNq9PR1HsmEhVDaHNNfbeBnP+jpG87eiZ2SGoDD0');
});

test('domains that cannot be provisioned yet are refused', () => {
  expect(parseDomains('network, orchestration,ops')).toEqual(['network', 'orchestration', 'ops']);
  for (const name of ['observability', 'database']) {
    expect(codeOf(() => parseDomains(`network,${name}`))).toBe('domain-unavailable');
  }
  expect(codeOf(() => parseDomains('netwrk'))).toBe('usage');
});

test('a run provisions what the platform file describes, unless less is asked for', () => {
  expect(chooseDomains(alone, [])).toEqual(['network']);
  expect(chooseDomains(clustered, [])).toEqual(['network', 'orchestration']);
  expect(chooseDomains(watched, [])).toEqual(['network', 'ops']);
  expect(chooseDomains(clustered, ['network'])).toEqual(['network']);
  expect(codeOf(() => chooseDomains(alone, ['orchestration']))).toBe('domain-unavailable');
});

test('a host that cannot be provisioned is refused before anything is changed', () => {
  const facts: HostFacts = {
    os: 'debian',
    release: 13,
    memory: 4 * 2 ** 30,
    freeDisk: 20 * 2 ** 30,
    ansible: true,
    architecture: 'x86_64',
    network: false,
    foreignK3s: '',
    k3s: '',
    busyPorts: [],
    madeWith: {},
    clockAhead: -2,
    tunnel: null,
  };
  const asked = (more: Partial<HostFacts>, ...domains: ('network' | 'orchestration')[]) =>
    codeOf(() => requireSupported({ ...facts, ...more }, clustered, domains));
  expect(asked({}, 'network', 'orchestration')).toBe('none');
  const wrong: Partial<HostFacts>[] = [
    { os: 'ubuntu', release: 24.04 },
    { release: 11 },
    { memory: 2 ** 29 },
    { freeDisk: 2 ** 20 },
    { busyPorts: ['udp 51820 (openvpn)'] },
    { clockAhead: 301 },
    { clockAhead: -200_000_000 },
  ];
  for (const one of wrong) expect(asked(one, 'network')).toBe('host-unsupported');
  const wrongForCluster = [{ foreignK3s: 'k3s.service' }, { architecture: 'aarch64' }, { memory: 2 * 2 ** 30 }];
  for (const one of wrongForCluster) {
    expect(asked(one, 'network')).toBe('none');
    expect(asked(one, 'network', 'orchestration')).toBe('host-unsupported');
  }
  for (const k3s of ['v1.30.0+k3s1', 'v1.99.0+k3s1']) {
    expect(asked({ k3s }, 'network')).toBe('none');
    expect(asked({ k3s }, 'network', 'orchestration')).toBe('k3s-version');
  }
  expect(asked({ k3s: lock.k3s.version }, 'network', 'orchestration')).toBe('none');
  const made = { 'node-name': 't', 'cluster-cidr': '10.42.0.0/16', 'service-cidr': '10.43.0.0/16' };
  expect(asked({ madeWith: made }, 'network', 'orchestration')).toBe('none');
  expect(asked({ madeWith: { ...made, 'node-name': 'u' } }, 'network', 'orchestration')).toBe('cluster-fixed');
  expect(asked({}, 'orchestration')).toBe('domain-needs-another');
  expect(asked({ network: true }, 'orchestration')).toBe('none');
});

test('a major version that the distribution has not is refused, with what to set', () => {
  const check = (release: number, text: string) => {
    try {
      const { host } = parsePlatform(`name: t\nenvironment: dev\nhost: {address: a, postgresql: ${text}}\n`, 'f');
      requireAvailable(host?.postgresql ?? expect.unreachable(), release);
      return 'none';
    } catch (error) {
      return `${(error as SocleError).message}: ${(error as SocleError).details.next}`;
    }
  };
  for (const [release, own] of [
    [12, 15],
    [13, 17],
  ] as const) {
    expect(check(release, '{}')).toBe('none');
    expect(check(release, `{majors: [${own}]}`)).toBe('none');
    expect(check(release, '{source: pgdg, majors: [14, 16]}')).toBe('none');
    const refused = check(release, `{majors: [${own}, 16]}`);
    expect(refused).toContain(`Debian ${release} has PostgreSQL ${own}, and not 16`);
    expect(refused).toContain('host.postgresql.source: pgdg');
  }
});

test('the bundle holds the playbook, the request and the variables that the roles ask for', async () => {
  const variables = ansibleVariables(clustered, []);
  const request = { check: false, only: [], revision: null, actor: 'cli:me' };
  const files: Record<string, string> = JSON.parse(await bundle(request, variables));
  expect(Object.keys(files)).toEqual(expect.arrayContaining(['site.yml', 'host/socle-run', 'ansible.cfg']));
  const { fingerprint, ...asked } = JSON.parse(files['request.json'] ?? '');
  expect(asked).toEqual(request);
  const other = JSON.parse(await bundle({ ...request, actor: 'cli:you' }, variables));
  expect(JSON.parse(other['request.json']).fingerprint).toBe(fingerprint);
  const more = JSON.parse(await bundle(request, { ...variables, socle_drift_every: 1 }));
  expect(JSON.parse(more['request.json']).fingerprint).not.toBe(fingerprint);
  const given = Object.keys(JSON.parse(files['variables.json'] ?? ''));
  for (const role of ['baseline', 'network', 'k3s', 'drift']) {
    const specs = parse(files[`roles/${role}/meta/argument_specs.yml`] ?? '').argument_specs.main.options;
    expect(given).toEqual(expect.arrayContaining(Object.keys(specs)));
  }
});

test('the roles name modules in full and take none but Ansible’s own', async () => {
  const roles = new URL('../../ansible/roles/', import.meta.url);
  const tasks = (await readdir(roles, { recursive: true })).filter((file) => /\/tasks\/.*\.yml$/.test(file));
  expect(tasks.length).toBeGreaterThan(5);
  for (const file of tasks) {
    const text = await readFile(new URL(file, roles), 'utf8');
    for (const task of parse(text) as Record<string, unknown>[]) {
      expect(
        Object.keys(task)
          .filter((key) => key.includes('.'))
          .every((key) => key.startsWith('ansible.builtin.')),
      ).toBe(true);
      expect(
        Object.keys(task).some((key) => key.startsWith('ansible.builtin.')),
        String(task.name),
      ).toBe(true);
    }
  }
});

test('a domain that fails does not keep the others from being done, and the run fails in the end', async () => {
  const text = await readFile(new URL('../../ansible/site.yml', import.meta.url), 'utf8');
  const [{ tasks }] = parse(text) as [{ tasks: Record<string, unknown>[] }];
  // All rest on the baseline; the last task fails for those that did.
  const domains = tasks.slice(1, -1);
  expect(domains.length).toBeGreaterThan(4);
  for (const task of domains) expect(task, String(task.name)).toMatchObject({ rescue: [expect.any(Object)] });
  expect(tasks.at(-1)).toMatchObject({ 'ansible.builtin.fail': expect.any(Object), when: 'socle_failed | length > 0' });
});

test('what the host prints of a run is events, then the record', () => {
  expect(parseLine('{"event":"task","role":"network","task":"Write rulesets","at":1}').event?.role).toBe('network');
  expect(() => parseLine('{"record":{}}')).toThrow();
  expect(codeOf(() => recordNamed([], 'last'))).toBe('not-found');
});
