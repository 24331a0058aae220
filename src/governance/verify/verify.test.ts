import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Changes, inside, now, outside, platform } from '../../../test/support/verified-host.ts';
import { foreignProgram } from '../../host/foreign.ts';
import type { ClusterConfig } from '../../platform/schema.ts';
import { type Baseline, readBaseline } from './baseline.ts';
import type { Looks } from './check.ts';
import { foreignKinds } from './checks/foreign.ts';
import { parseLynis } from './host/lynis.ts';
import { asJunit } from './junit.ts';
import { checks } from './registry.ts';
import { judgeAll, type VerifyReport } from './verify.ts';

let baseline: Baseline;
beforeAll(async () => {
  baseline = await readBaseline();
});

const judge = (looks: Looks, of = platform) => judgeAll(looks, { platform: of, baseline, now });
const replace = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);
const append = (line: string) => (text: string) => `${text}${line}\n`;
const told = (what: string, where: string, found: string) => () => `foreign\t${what}\t${where}\tabsent\t${found}\n`;
const unit = (name: string, to: string) => replace(new RegExp(`(Id=${name}\n)(.+\n){3}`), `$1${to}\n`);
const stopped = 'LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled';
const { tcp4, tcp6, udp4, tls, sshOffer } = outside;
const opened = (...open: number[]) => ({ value: { ...tcp4.value, open } });
const answering = (port: number): Looks => ({ tcp: { value: [tcp4.value, { ...tcp6.value, open: [port] }] } });

const late = (what: string) => (text: string) =>
  text.replace(
    new RegExp(`("${what}":{"state":)"ok","detail":"[^"]*","withinTarget":true`),
    '$1"overdue","detail":"two days late","withinTarget":false',
  );
const chmod = (mode: string, path: string) => (text: string) =>
  text.replace(new RegExp(`\\d+( root root . \\S*${path})`), `${mode}$1`);
const chown = (path: string) => (text: string) => text.replace(new RegExp(`root( root . \\S*${path})`), 'nobody$1');
const credentials = (mode: string, owner: string, path: string) => ({
  [`cis-${mode}`]: { host: { clusterFiles: chmod('644', path) }, names: '0644 root:root' },
  [`cis-${owner}`]: { host: { clusterFiles: chown(path) }, names: '0600 nobody:root' },
});
const argument = (from: string, to: string) => ({
  host: { clusterServer: replace(from, to) },
  names: (to.includes(' ') ? to.split(' ')[0] : to)?.split('=').at(-1) ?? '',
});
const without = (name: string) => ({
  host: { clusterServer: replace(`--${name}=`, `--other-${name}=`) },
  names: `--${name} is not set`,
});
const ofComponent = (component: string, from: string, to: string) => ({
  host: {
    clusterServer: (text: string) =>
      text.replace(new RegExp(`^${component} .*$`, 'm'), (line: string) => line.replace(from, to)),
  },
  names: to.split('=').at(-1) ?? '',
});
const kubelet = (from: string, to: string, names: string) => ({ host: { kubelet: replace(from, to) }, names });
const container = (setting: string) => ({
  host: { clusterObjects: replace(/"allowPrivilegeEscalation": false(?=}}]}}]}\n== accounts)/, setting) },
  names: 'shop/web-1',
});
const podSpec = (setting: string) => ({
  host: { clusterObjects: replace(/("name": "web-1".*?"spec": {)/, `$1${setting}, `) },
  names: 'shop/web-1',
});
const cluster = platform.cluster as ClusterConfig;
const passing = {
  ...platform,
  cluster: { ...cluster, k3s: { ...cluster.k3s, config: { 'flannel-backend': 'host-gw' } } },
};

/** For each check something that it must not let pass, and what its evidence has to name. */
interface Broken {
  readonly host?: Changes;
  readonly seen?: Looks;
  /** Another platform file. */
  readonly of?: typeof platform;
  readonly names: string;
}

const breaks: Readonly<Record<string, Broken>> = {
  'public-tcp4': { seen: { tcp4: opened(8080) }, names: '8080 answer' },
  'public-tcp6': { seen: { tcp6: opened(22, 8080) }, names: '22; 8080 answer' },
  'public-udp4': { seen: { udp4: { value: { ...udp4.value, open: [161] } } }, names: '161 answer' },
  'public-udp6': { seen: { udp6: { value: { ...udp4.value, open: [53] } } }, names: '53 answer' },
  'public-no-ssh': { seen: answering(22), names: '2001:db8:51::20 answers on port 22' },
  'public-no-kubernetes': { seen: answering(6443), names: 'port 6443' },
  'public-no-nodeports': { seen: answering(30_080), names: 'port 30080' },
  'public-no-databases': { seen: answering(5432), names: 'port 5432' },
  'public-no-ops-api': { seen: answering(7410), names: 'port 7410' },
  'ssh-algorithms': {
    seen: { sshOffer: { value: { ...sshOffer.value, macs: ['hmac-sha1'], hostKeys: ['ssh-rsa'] } } },
    names: 'hmac-sha1; ssh-rsa',
  },
  'ssh-passwords-refused': {
    seen: { sshMethods: { value: { root: ['publickey', 'password'] } } },
    names: 'root may log in by password',
  },
  'ssh-settings': {
    host: { sshd: replace(/passwordauthentication no/, 'passwordauthentication yes') },
    names: 'passwordauthentication is yes for root, not no',
  },
  'firewall-loaded': {
    host: { firewall: replace('udp dport 51820 accept', 'udp dport 51820 accept\n\t\ttcp dport 8080 accept') },
    names: 'too much: tcp dport 8080 accept',
  },
  'firewall-permanent': {
    host: { firewall: replace('    udp dport { 51820 } accept', '    tcp dport { 8080 } accept') },
    names: 'too much: tcp dport { 8080 } accept; missing: udp dport { 51820 } accept',
  },
  'firewall-at-boot': { host: { services: unit('socle-firewall.service', stopped) }, names: 'inactive, disabled' },
  'firewall-nftables-masked': {
    host: { services: replace('UnitFileState=masked', 'UnitFileState=disabled') },
    names: 'nftables.service is disabled',
  },
  'firewall-alone': {
    host: { foreign: told('nft table', 'inet strange', 'filters') },
    names: 'nft table inet strange',
  },
  'firewall-ssh-closed': {
    host: { firewall: replace('"confirmed":"closed"', '"confirmed":"open"') },
    names: 'SSH is still open in public',
  },
  'firewall-pods': {
    host: { podView: replace('"host":[]', '"host":[{"address":"10.8.0.1","port":6443}]') },
    names: 'a pod reaches the host at 10.8.0.1:6443',
  },
  'sockets-private': {
    host: { sockets: append('tcp LISTEN 0 5 0.0.0.0:8080 0.0.0.0:* users:(("python3",pid=9,fd=3))') },
    names: 'python3 listens on tcp 0.0.0.0:8080',
  },
  'vpn-peers': {
    host: { tunnelState: append('KEY=\t(none)\t(none)\t10.8.0.66/32\t0\t0\t0\toff') },
    names: 'KEY= (10.8.0.66/32) is not in the platform file',
  },
  'vpn-port': {
    host: { tunnelState: replace('\t51820\t', '\t443\t') },
    names: 'UDP 443, and the platform file says 51820',
  },
  'vpn-handshake': { host: { tunnelState: replace('1795656155', '0') }, names: 'nobody' },
  'units-alone': {
    host: { foreign: told('drop-in', '/run/systemd/system/socle.service.d/x.conf', '[Service] User=root') },
    names: 'x.conf: [Service] User=root',
  },
  'settings-alone': {
    host: { foreign: told('kernel setting at boot', '/etc/sysctl.d/zz.conf', '1') },
    names: '/etc/sysctl.d/zz.conf: 1',
  },
  'k3s-alone': {
    host: { foreign: told('K3s configuration', '/etc/rancher/k3s/config.yaml.d/x.yaml', 'disable: []') },
    names: 'config.yaml.d/x.yaml',
  },
  'accounts-superuser': { host: { accounts: replace('root\n', 'root\ntoor\n') }, names: 'toor has user id 0' },
  'accounts-passwords': { host: { accounts: replace('games locked', 'games none') }, names: 'games has no password' },
  'accounts-sudo': {
    host: { accounts: replace('%sudo', 'mallory ALL=(ALL) NOPASSWD: ALL\n%sudo') },
    names: 'a rule says: mallory ALL=(ALL) NOPASSWD: ALL',
  },
  'accounts-keys': { host: { accounts: append('mallory 2') }, names: 'mallory has 2' },
  'files-socle': {
    host: {
      files: replace('600 root root f /etc/socle/firewall/open.nft', '644 root root f /etc/socle/firewall/open.nft'),
    },
    names: '/etc/socle/firewall/open.nft is 0644 root:root',
  },
  'files-keys': {
    host: { files: replace(/600 root root f (\S+private.key)/, '640 root debian f $1') },
    names: '/etc/socle/wireguard/private.key is 0640 root:debian',
  },
  'files-system': {
    host: { files: replace('600 root root f /etc/ssh/ssh_host', '644 root root f /etc/ssh/ssh_host') },
    names: 'ssh_host_ed25519_key is 0644',
  },
  'files-writable': { host: { files: append('/etc/cron.d/job') }, names: 'anybody may write /etc/cron.d/job' },
  'system-release': { host: { system: replace('release=13', 'release=11') }, names: 'debian 11' },
  'sysctl-network': {
    host: { sysctls: replace('accept_redirects = 0', 'accept_redirects = 1') },
    names: 'accept_redirects is 1, not 0',
  },
  'sysctl-kernel': {
    host: { sysctls: replace('kptr_restrict = 2', 'kptr_restrict = 0') },
    names: 'kptr_restrict is 0',
  },
  'service-address': { host: { services: unit('socle-address.service', stopped) }, names: 'inactive, disabled' },
  'service-wireguard': { host: { services: unit('socle-wireguard.service', stopped) }, names: 'inactive, disabled' },
  'service-way-in': { host: { services: unit('socle-way-in.service', stopped) }, names: 'inactive, disabled' },
  'service-ssh': { host: { services: unit('ssh.service', stopped) }, names: 'ssh.service is inactive' },
  'service-time': { host: { synchronised: replace('yes', 'no') }, names: 'not synchronised' },
  'system-clock': { host: { system: replace('clock=1795656184644', 'clock=1795655884644') }, names: '295 s apart' },
  'system-apparmor': { host: { apparmor: replace('Y', 'N') }, names: 'off' },
  'system-audit': { host: { audit: replace(/-w.*\n-a.*\n/, '') }, names: '0 rules' },
  'upgrades-automatic': {
    host: { updates: replace('Unattended-Upgrade=1', 'Unattended-Upgrade=0') },
    names: 'Unattended-Upgrade is 0',
  },
  'upgrades-recent': {
    host: { updates: replace('lists=1795655304', 'lists=1795055304') },
    names: 'fetched 2026-11-19',
  },
  'upgrades-waiting': {
    host: {
      updates: replace(
        '== waiting',
        '== waiting\nInst openssl [3.5.1] (3.5.2 Debian-Security:13/stable-security [amd64])',
      ),
      system: replace('uptime=1470.29', 'uptime=864000'),
    },
    names: '1 wait: openssl; no upgrade ran',
  },
  'disk-space': { host: { disks: replaceAll('42%', '95%') }, names: '/ 95 %' },
  'disk-inodes': { host: { disks: replaceAll(' 6%', ' 96%') }, names: '/ 96 %' },
  'journal-limits': { host: { journal: append('SystemMaxUse=20G') }, names: 'SystemMaxUse is 20G, not 500M' },
  'run-completed': { host: { runs: replace('"done"', '"interrupted"') }, names: 'interrupted' },
  'run-drift': {
    host: {
      drift: replace(
        '"deviations":[]',
        '"deviations":[{"role":"network","what":"nft rule","where":"public","expected":"none","found":"accept"}]',
      ),
    },
    names: 'nft rule public: accept instead of none',
  },
  'recovery-kit': {
    seen: { kit: { value: { ...outside.kit.value, state: 'unconfirmed', detail: 'nobody has tried it' } } },
    names: 'nobody has tried it',
  },
  'service-daemon': { host: { services: unit('socle.service', stopped) }, names: 'socle.service is inactive' },
  'postgresql-programs': {
    host: { postgresql: replace('installed postgresql-17 ', 'config-files postgresql-17 ') },
    names: 'postgresql-17 not installed',
  },
  'backups-within-target': { host: { daemonStatus: late('backups') }, names: 'shop: overdue, two days late' },
  'drills-within-target': { host: { daemonStatus: late('drills') }, names: 'shop: overdue, two days late' },
  'cluster-copies-within-target': {
    host: { daemonStatus: late('datastore') },
    names: 'the cluster: overdue, two days late',
  },
  'vault-within-target': { host: { daemonStatus: late('integrity') }, names: 'overdue, two days late' },
  'k3s-service': { host: { services: unit('k3s.service', stopped) }, names: 'k3s.service is inactive' },
  'k3s-version': { host: { clusterServer: replace('v1.36.3', 'v1.30.1') }, names: 'v1.30.1+k3s1, not v1.36.3+k3s1' },
  'k3s-files': { host: { clusterFiles: chmod('644', '/server/token') }, names: '/server/token is 0644' },
  'k3s-event-limits': { host: { clusterConfig: replace('type: User', 'type: Source') }, names: 'User has none' },
  'k3s-kernel-defaults': {
    host: { kubelet: replace('"protectKernelDefaults": true', '"protectKernelDefaults": false') },
    names: 'is off',
  },
  'cis-1.1.9': { host: { clusterFiles: chmod('644', '/var/lib/cni/networks/cbr0/10.42.0.2') }, names: '0644' },
  'cis-1.1.10': { host: { clusterFiles: chown('/var/lib/cni/networks/cbr0/10.42.0.2') }, names: 'nobody:root' },
  'cis-1.1.11': { host: { clusterFiles: chmod('755', '/server/db\n') }, names: '/server/db is 0755' },
  ...credentials('1.1.13', '1.1.14', 'cred/admin.kubeconfig'),
  ...credentials('1.1.15', '1.1.16', 'cred/scheduler.kubeconfig'),
  ...credentials('1.1.17', '1.1.18', 'cred/controller.kubeconfig'),
  'cis-1.1.19': { host: { clusterFiles: chown('/server/tls/client-ca.crt') }, names: 'client-ca.crt is 0644 nobody' },
  'cis-1.1.20': { host: { clusterFiles: chmod('666', '/server/tls/client-ca.crt') }, names: 'client-ca.crt is 0666' },
  'cis-1.1.21': { host: { clusterFiles: chmod('640', '/server/tls/client-ca.key') }, names: 'client-ca.key is 0640' },
  ...credentials('4.1.3', '4.1.4', 'agent/kubeproxy.kubeconfig'),
  ...credentials('4.1.5', '4.1.6', 'agent/kubelet.kubeconfig'),
  ...credentials('4.1.7', '4.1.8', 'agent/client-ca.crt'),
  ...credentials('4.1.9', '4.1.10', '/etc/rancher/k3s/kubelet.yaml'),
  'cis-1.2.1': argument('anonymous-auth=false', 'anonymous-auth=true'),
  'cis-1.2.2': argument('anonymous-auth=false', 'token-auth-file=/root/tokens'),
  'cis-1.2.4': without('kubelet-client-certificate'),
  'cis-1.2.5': without('kubelet-certificate-authority'),
  'cis-1.2.6': argument('authorization-mode=Node,RBAC', 'authorization-mode=Node,RBAC,AlwaysAllow'),
  'cis-1.2.7': argument('authorization-mode=Node,RBAC', 'authorization-mode=RBAC'),
  'cis-1.2.8': argument('authorization-mode=Node,RBAC', 'authorization-mode=Node'),
  'cis-1.2.9': argument('NodeRestriction,EventRateLimit', 'NodeRestriction'),
  'cis-1.2.10': argument('NodeRestriction,EventRateLimit', 'NodeRestriction,EventRateLimit,AlwaysAdmit'),
  'cis-1.2.12': argument('anonymous-auth=false', 'disable-admission-plugins=ServiceAccount'),
  'cis-1.2.13': argument('anonymous-auth=false', 'disable-admission-plugins=NamespaceLifecycle'),
  'cis-1.2.14': argument('NodeRestriction,EventRateLimit', 'EventRateLimit'),
  'cis-1.2.15': argument('profiling=false', 'profiling=true'),
  'cis-1.2.16': without('audit-log-path'),
  'cis-1.2.17': argument('audit-log-maxage=30', 'audit-log-maxage=3'),
  'cis-1.2.18': argument('audit-log-maxbackup=10', 'audit-log-maxbackup=1'),
  'cis-1.2.19': argument('audit-log-maxsize=50', 'audit-log-maxsize=5'),
  'cis-1.2.21': argument('anonymous-auth=false', 'service-account-lookup=false'),
  'cis-1.2.22': without('service-account-key-file'),
  'cis-1.2.24': without('tls-cert-file'),
  'cis-1.2.25': without('client-ca-file'),
  'cis-1.2.27': without('encryption-provider-config'),
  'cis-1.2.28': { host: { encryption: replace('plain=0', 'plain=1') }, names: '1 of 3 Secrets are not encrypted' },
  'cis-1.2.29': argument('TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'TLS_RSA_WITH_3DES_EDE_CBC_SHA'),
  'cis-1.2.30': without('service-account-extend-token-expiration'),
  'cis-1.3.1': without('terminated-pod-gc-threshold'),
  'cis-1.3.2': ofComponent('kube-controller-manager', '--profiling=false', '--profiling=true'),
  'cis-1.3.3': argument('use-service-account-credentials=true', 'use-service-account-credentials=false'),
  'cis-1.3.4': without('service-account-private-key-file'),
  'cis-1.3.5': without('root-ca-file'),
  'cis-1.3.6': argument('root-ca-file', 'feature-gates=RotateKubeletServerCertificate=false --root-ca-file'),
  'cis-1.3.7': ofComponent('kube-controller-manager', '127.0.0.1', '0.0.0.0'),
  'cis-1.4.1': ofComponent('kube-scheduler', '--profiling=false', '--profiling=true'),
  'cis-1.4.2': ofComponent('kube-scheduler', '127.0.0.1', '0.0.0.0'),
  'cis-4.3.1': argument('proxy-mode=iptables', 'metrics-bind-address=0.0.0.0'),
  'cis-3.2.1': { host: { clusterConfig: replace(/ {2}- level: Metadata\n$/, '') }, names: 'what none of them names' },
  'cis-3.2.2': {
    host: { clusterConfig: replace('level: Metadata', 'level: RequestResponse') },
    names: '1 rules record',
  },
  'cis-4.2.1': kubelet('"enabled": false', '"enabled": true', 'true'),
  'cis-4.2.2': kubelet('"Webhook"', '"AlwaysAllow"', 'AlwaysAllow'),
  'cis-4.2.3': kubelet('"clientCAFile"', '"none"', 'not set'),
  'cis-4.2.4': kubelet('"readOnlyPort": 0', '"readOnlyPort": 10255', '10255'),
  'cis-4.2.5': kubelet('5m0s', '0s', '0s'),
  'cis-4.2.6': kubelet('"makeIPTablesUtilChains": true', '"makeIPTablesUtilChains": false', 'false'),
  'cis-4.2.8': kubelet('"eventRecordQPS": 50', '"eventRecordQPS": 0', '0'),
  'cis-4.2.9': kubelet('"tlsCertFile"', '"none"', 'not set'),
  'cis-4.2.10': kubelet('"readOnlyPort": 0', '"rotateCertificates": false', 'false'),
  'cis-4.2.11': kubelet('"readOnlyPort": 0', '"featureGates": {"RotateKubeletServerCertificate": false}', 'false'),
  'cis-4.2.12': kubelet('TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'TLS_RSA_WITH_AES_128_CBC_SHA', 'CBC'),
  'cis-4.2.13': kubelet('"podPidsLimit": 4096', '"podPidsLimit": -1', '-1'),
  'cis-5.1.1': {
    host: { clusterObjects: replace('"system:masters"}', '"system:masters"}, {"kind": "User", "name": "mallory"}') },
    names: 'User mallory by cluster-admin',
  },
  'cis-5.1.5': {
    host: { clusterObjects: replace('"automountServiceAccountToken": false', '"automountServiceAccountToken": true') },
    names: 'default',
  },
  'cis-5.2.1': { host: { clusterConfig: replace('enforce: restricted', 'enforce: privileged') }, names: 'privileged' },
  'cis-5.2.2': container('"privileged": true'),
  'cis-5.2.3': podSpec('"hostPID": true'),
  'cis-5.2.4': podSpec('"hostIPC": true'),
  'cis-5.2.5': podSpec('"hostNetwork": true'),
  'cis-5.2.6': container('"allowPrivilegeEscalation": true'),
  'k3s-shutdown': {
    host: { shutdown: replace('"kubelet"', '"somebody"') },
    names: 'the kubelet does not hold a shutdown back',
  },
  'volumes-retained': { host: { clusterObjects: replace('"Retain"', '"Delete"') }, names: 'pvc-1' },
  'tunnel-kubernetes': { seen: { clusterApi: { value: 200 } }, names: 'port 6443: HTTP 200 without credentials' },
  'tunnel-ops-api': { seen: { opsApi: { value: 404 } }, names: 'port 7410: HTTP 404' },
  'tls-protocol': { seen: { tls: { value: { ...tls.value, old: true } } }, names: 'TLS 1.1' },
  'tls-certificate': {
    seen: { tls: { value: { ...tls.value, validTo: '2026-11-20T00:00:00.000Z' } } },
    names: '2026-11-20',
  },
};

/** Checks whose worst is a warning: a person decides. */
const warnings: typeof breaks = {
  'k3s-passed-through': { of: passing, names: 'flannel-backend is added' },
  'cis-5.3.2': {
    host: { clusterObjects: replace('"deny-all", "namespace": "shop"', '"deny-all", "namespace": "x"') },
    names: 'shop',
  },
  'cis-5.6.4': {
    host: { clusterObjects: replace('"web-1", "namespace": "shop"', '"web-1", "namespace": "default"') },
    names: 'default/web-1',
  },
  'volumes-backed-up': {
    host: { clusterObjects: replace('"name": "data", "namespace": "shop"', '"name": "data", "namespace": "other"') },
    names: 'other/data',
  },
  'upgrades-reboot': { host: { system: replace('uptime=', 'reboot=yes\nuptime=') }, names: 'asks for a reboot' },
};

function replaceAll(from: string, to: string) {
  return (text: string) => text.replaceAll(from, to);
}

test('a host that is as it should be passes every check', () => {
  const results = judge({ ...inside(baseline), ...outside });
  expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});

test('every check can fail', () => {
  expect([...Object.keys(breaks), ...Object.keys(warnings)].sort()).toEqual(checks.map(({ id }) => id).sort());
});

describe.each([
  ['fail', breaks],
  ['warn', warnings],
] as const)('%s', (verdict, table) => {
  test.each(Object.entries(table))('%s names what is wrong', (id, { host, seen, of, names }) => {
    const looks = { ...inside(baseline, host), ...outside, ...seen };
    const result = judge(looks, of).find((one) => one.id === id);
    expect(result).toMatchObject({ verdict, evidence: expect.stringContaining(names), next: expect.any(String) });
  });
});

test.each(checks.map(({ id }) => id))('%s is unknown, and not green, when nobody could look', (id) => {
  expect(judge({}).find((one) => one.id === id)).toMatchObject({ verdict: 'unknown' });
});

test.each<[string, Changes]>([
  ['a shutdown waits for 5 s, not 30 s', { shutdown: replace('30000000', '5000000') }],
  ['the kubelet does not hold a shutdown back', { shutdown: replace('"delay"', '"block"') }],
  ['the kubelet does not hold a shutdown back', { shutdown: replace('"shutdown","kubelet"', '"sleep","kubelet"') }],
  ['socle-pods.service is inactive, disabled', { services: unit('socle-pods.service', stopped) }],
])('k3s-shutdown: %s', (evidence, changes) => {
  const result = judge({ ...inside(baseline, changes), ...outside }).find(({ id }) => id === 'k3s-shutdown');
  expect(result).toMatchObject({ verdict: 'fail', evidence });
});

test.each([
  ['ssh-settings', told('sshd', 'permitrootlogin for user=root', 'yes'), 'permitrootlogin for user=root: yes'],
  ['accounts-keys', told('SSH key', '/root/.ssh/authorized_keys', 'SHA256:x opens root'), 'SHA256:x opens root'],
  ['accounts-sudo', told('sudo rule', '/etc/sudoers', 'mallory: ALL'), 'mallory: ALL'],
] as const)('%s sees what wins over our files', (id, foreign, names) => {
  const result = judge({ ...inside(baseline, { foreign }), ...outside }).find((one) => one.id === id);
  expect(result).toMatchObject({ verdict: 'fail', evidence: expect.stringContaining(names) });
});

test('each kind of finding is told by exactly one check', () => {
  const kinds = [...foreignProgram().matchAll(/\bforeign\("([^"]+)"/g)].map(([, kind]) => kind);
  const told = Object.values(foreignKinds).flat();
  expect([...new Set(kinds)].sort()).toEqual([...told].sort());
});

test('a program that is not there, hangs or prints something else is no evidence', () => {
  const blind = inside(baseline, { sockets: () => '', sysctls: () => '', runs: () => 'Traceback' });
  const red = judge({ ...blind, ...outside }).filter(({ verdict }) => verdict !== 'pass');
  expect(red.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['sockets-private', 'unknown'],
    ['sysctl-network', 'unknown'],
    ['sysctl-kernel', 'unknown'],
    ['run-completed', 'unknown'],
    ['run-drift', 'unknown'],
    ...['backups', 'drills', 'vault', 'cluster-copies'].map((what) => [`${what}-within-target`, 'unknown']),
  ]);
});

test('inside a container the kernel and the clock are skipped, and say why', () => {
  const looks = inside(baseline, { system: replace('container=none', 'container=systemd-nspawn') });
  const skipped = judge({ ...looks, ...outside }).filter(({ verdict }) => verdict !== 'pass');
  expect(skipped.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
    'sysctl-kernel skip',
    'service-time skip',
    'system-apparmor skip',
    'system-audit skip',
  ]);
  expect(skipped[0]?.evidence).toContain('systemd-nspawn');
});

test('a host that was made just now is compared soon; one that was made long ago should have been', () => {
  const never = inside(baseline, { drift: () => 'null' });
  const verdict = (at: Date) =>
    judgeAll({ ...never, ...outside }, { platform, baseline, now: at }).find(({ id }) => id === 'run-drift')?.verdict;
  expect(verdict(new Date('2026-11-26T01:11:00Z'))).toBe('to come');
  expect(verdict(new Date('2026-11-26T02:11:00Z'))).toBe('fail');
});

const never = (what: string) => (text: string) =>
  text.replace(
    new RegExp(
      `("${what}":{"state":)"ok","detail":"[^"]*","withinTarget":true,"lastSuccessAt":"[^"]*"(.*?)"nextAt":null`,
    ),
    '$1"never succeeded","detail":"no one has ever succeeded","withinTarget":false,"lastSuccessAt":null$2"nextAt":"2026-11-27T02:00:00.000Z"',
  );
test.each([
  ['backups', 'backups-within-target'],
  ['drills', 'drills-within-target'],
  ['integrity', 'vault-within-target'],
  ['datastore', 'cluster-copies-within-target'],
])(
  '%s that the schedule has not begun are to come, and red once their time is over, or after a failure',
  (what, id) => {
    const verdict = (at: number, change: (text: string) => string = (text) => text) => {
      const ops = replaceAll('"only": ["network"]', '"only": ["network", "ops"]');
      const looks = {
        ...inside(baseline, { daemonStatus: (text) => change(never(what)(text)), runs: ops }),
        ...outside,
      };
      const results = judgeAll(looks, { platform, baseline, now: new Date(now.getTime() + at) });
      return results.find((one) => one.id === id);
    };
    expect(verdict(0)).toMatchObject({ verdict: 'to come', evidence: expect.stringContaining('2026-11-27T02:00') });
    expect(verdict(86_400_000)?.verdict).toBe('fail');
    const failed = (text: string) =>
      text.replace(
        '"lastSuccessAt":null,"lastFailureAt":null',
        '"lastSuccessAt":null,"lastFailureAt":"2026-11-26T01:00:00.000Z"',
      );
    expect(verdict(0, failed)?.verdict).toBe('fail');
  },
);

test('a comparison from before a run that has just ended says nothing about it', () => {
  const drift = (text: string) =>
    text
      .replace('01:12:40', '00:12:40')
      .replace(
        '"deviations":[]',
        '"deviations":[{"role":"network","what":"a","where":"b","expected":"c","found":"d"}]',
      );
  const looks = { ...inside(baseline, { drift }), ...outside };
  const verdict = (at: string) =>
    judgeAll(looks, { platform, baseline, now: new Date(at) }).find(({ id }) => id === 'run-drift')?.verdict;
  expect(verdict('2026-11-26T01:11:00Z')).toBe('to come');
  expect(verdict('2026-11-26T02:11:00Z')).toBe('fail');
});

test('the Kubernetes API is asked at the port that K3s is told', () => {
  const other = {
    ...platform,
    cluster: { ...cluster, k3s: { ...cluster.k3s, config: { 'https-listen-port': 7443 } } },
  };
  const found = judge({ ...inside(baseline), ...outside, ...answering(7443) }, other);
  expect(found.find(({ id }) => id === 'tunnel-kubernetes')?.evidence).toBe('port 7443: HTTP 401 without credentials');
  expect(found.find(({ id }) => id === 'public-no-kubernetes')?.verdict).toBe('fail');
});

test('what the platform file opens may answer, and SSH where it is public', () => {
  const open = {
    ...platform,
    firewall: { ssh: 'public', public: [{ port: 443, protocol: 'tcp' }], pods: [] },
  } as const satisfies typeof platform;
  const looks = { ...inside(baseline), ...outside, tcp4: opened(22, 443), tcp: { value: [opened(22, 443).value] } };
  const of = (platform: typeof open) => judge(looks, platform).filter(({ id }) => id.startsWith('public-'));
  expect(of(open).filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});

test.each([
  ['tcp4', 16],
  ['udp4', 3],
] as const)('%s: up to %i resets may come from the way, more do not', (which, few) => {
  const verdict = (count: number) => {
    const closed = Array.from({ length: count }, (_, n) => n + 1);
    const looks = { ...inside(baseline), ...outside, [which]: { value: { ...outside[which].value, closed } } };
    return judge(looks).find(({ id }) => id === `public-${which}`)?.verdict;
  };
  expect([verdict(0), verdict(2), verdict(few), verdict(few + 1)]).toEqual(['pass', 'warn', 'warn', 'fail']);
});

test('ids are unique, and every requirement that a check proves is one of the requirements', () => {
  const file = readFileSync(new URL('../../../docs/requirements.yaml', import.meta.url), 'utf8');
  const known = new Set((parse(file).requirements as { id: string }[]).map(({ id }) => id));
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
  for (const { id, requirements } of checks) {
    expect(requirements.length, id).toBeGreaterThan(0);
    for (const one of requirements) expect(known.has(one), `${id}: ${one}`).toBe(true);
  }
});

test('the baseline is read from the role’s own files', () => {
  expect(baseline.sysctls['vm.overcommit_memory']).toBe('1');
  expect(baseline.sshd).toMatchObject({ passwordauthentication: 'no', x11forwarding: 'no' });
  expect(baseline.sshd.kexalgorithms).toMatch(/^mlkem768x25519-sha256,sntrup761/);
  expect(Object.keys(baseline.sshd).length).toBeGreaterThan(20);
  expect(baseline.journald).toMatchObject({ Storage: 'persistent' });
});

test('lynis’ report is its index, its warnings, and how many suggestions', () => {
  const report =
    'lynis_version=3.1.4\nwarning[]=BOOT-5122|No password set on GRUB|-|-|\nsuggestion[]=A|b|\nhardening_index=71\n';
  expect(parseLynis(report)).toEqual({
    version: '3.1.4',
    hardeningIndex: 71,
    warnings: ['BOOT-5122: No password set on GRUB'],
    suggestions: 1,
  });
  expect(() => parseLynis('')).toThrow('no hardening index');
});

test('JUnit has a case for each check, and nothing in it is read as markup', () => {
  const looks = { ...inside(baseline, { accounts: append('<b>&"\u0007 2') }), ...outside };
  const results = judge({ ...looks, sockets: { blind: 'no ss' } });
  const report: VerifyReport = {
    platform: 't',
    host: '198.51.100.20',
    way: 'vpn',
    startedAt: now.toISOString(),
    seconds: 1,
    quick: false,
    compliant: false,
    counts: { fail: 1, unknown: 1, warn: 0, 'to come': 0, skip: 0, pass: results.length - 2 },
    checks: results,
    lynis: null,
  };
  const xml = asJunit(report);
  expect(xml.match(/<testcase /g)).toHaveLength(checks.length);
  expect(xml).toContain(`tests="${checks.length}" failures="1" errors="1" skipped="0"`);
  expect(xml).toContain('<failure message="&lt;b&gt;&amp;&quot;? has 2 of them" type="AM-1 AM-2">');
  expect(xml).toContain('<error message="no ss" type="unknown">');
});
