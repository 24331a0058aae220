import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import type { Drift } from '../../src/host/drift-report.ts';
import { silent } from '../../src/kernel/progress.ts';
import { k3sExceptions, k3sKnownFiles } from '../../src/sandbox/kubernetes.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { foreignDrifts } from '../support/foreign-drifts.ts';
import { mirrorFiles as files, linkMirror, whyNoK3s } from '../support/k3s.ts';
import { keptPod } from '../support/kept-pod.ts';
import { Operator, type SocleAnswer } from '../support/operator.ts';
import { until } from '../support/until.ts';

/** The real K3s of the artifact mirror, brought by `socle up` to throw-away machines. */
const vpn = '10.8.0.1';
const mirror = findMirror();

/** Not K3s' own ones: everything has to take them from the platform file. */
const networks = { pods: '10.100.0.0/16', services: '10.101.0.0/16' };
const serviceAddress = '10.101.0.80';
const nodePort = 30_080;

/** Tasks of the role. */
const written = ['Write configuration, objects and unit, and install what was sent'];
const started = 'Start K3s';

const slowly =
  '#!/bin/sh\nprintf "Content-type: text/plain\\n\\n"\nfor i in 1 2 3 4 5 6 7 8; do echo $i; sleep 1; done\n';

const why = whyNoK3s(mirror, ['wireguard-go', 'wg', 'nmap', 'curl']);

describe.skipIf(why !== '').each([13, 12] as const)(`K3s of the mirror on a throw-away Debian %i ${why}`, (release) => {
  const name = `test-k3s-${release}`;
  let operator: Operator;
  let login: string[];
  let own: string;
  let platformFile: string;

  const on = (script: string, input?: string) => operator.on(script, vpn, 300_000, input);
  const kubectl = async (args: string, input?: string) => {
    const { exitCode, stdout, stderr } = await on(`k3s kubectl ${args}`, input);
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  const mainPid = async () => (await on('systemctl show --property=MainPID --value k3s')).stdout;

  async function up(...args: string[]) {
    const start = performance.now();
    const { exitCode, answer }: SocleAnswer = await operator.socle('up', ...login, '--mirror', own, ...args);
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    const changed = answer.record.changed.map(({ task }) => task);
    return { answer, changed, text: `${seconds} s, changed ${changed.length}, ${JSON.stringify(answer.record.roles)}` };
  }

  const curl = async (url: string, where: 'operator' | 'wan', ...args: string[]) =>
    (await operator.exec('curl', ['-sS', '--max-time', '3', ...args, url], where)).stdout;
  const served = (where: 'operator' | 'wan' = 'operator') => curl(`http://${serviceAddress}/`, where);

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'socle-k3s-'));
    own = join(directory, 'mirror');
    const sums = await linkMirror(mirror ?? '', own);
    operator = new Operator(await bootMachine({ name, release, kubernetes: true }, silent), directory);
    login = await operator.login();
    platformFile = join(directory, 'platform.yaml');
    const cluster = { networks, mirror_sums: sums, k3s: { config: k3sExceptions } };
    await writeFile(
      platformFile,
      stringify({
        name,
        environment: 'dev',
        host: { address: addresses.host.v4, known_files: k3sKnownFiles },
        cluster,
      }),
    );
    await operator.socle('vpn', 'add', 'laptop');
  }, 600_000);
  afterAll(async () => {
    await operator?.leaveVpn();
    await removeMachine(name);
    await rm(operator?.directory ?? '', { recursive: true, force: true });
  });

  test('a cluster alone, or beside somebody’s K3s, or with a file that nobody vouched for, is refused', async () => {
    const ask = (...args: string[]) => operator.socle('up', ...login, ...args);
    const alone = await ask('--mirror', own, '--only', 'orchestration');
    expect(alone).toMatchObject({ exitCode: 4, answer: { error: { code: 'domain-needs-another' } } });

    const unit = '/etc/systemd/system/k3s.service';
    await operator.on(`echo "[Service]" > ${unit}`);
    const beside = await ask('--mirror', own);
    expect(beside).toMatchObject({ exitCode: 4, answer: { error: { code: 'host-unsupported' } } });
    expect(JSON.stringify(beside.answer)).toContain('that Socle did not install');
    await operator.on(`rm ${unit}`);

    const file = join(own, files[1] ?? '');
    await rm(file);
    await writeFile(file, 'something else');
    const changed = await ask('--mirror', own);
    expect(changed).toMatchObject({ exitCode: 4, answer: { error: { code: 'checksum-mismatch' } } });
    expect(JSON.stringify(changed.answer)).toContain(file);
    await rm(file);
    await symlink(join(mirror ?? '', files[1] ?? ''), file);
    const none = await ask();
    expect(none).toMatchObject({ exitCode: 69, answer: { error: { code: 'mirror-incomplete' } } });
    expect((await operator.on('ls -d /etc/socle /var/lib/socle /usr/bin/ansible 2>/dev/null')).stdout).toBe('');
  });

  test('`up --only network` closes the host', async ({ annotate }) => {
    const opened = await operator.socle('up', ...login, '--only', 'network', '--vpn-wait', '1s');
    expect(opened, JSON.stringify(opened.answer)).toMatchObject({ exitCode: 6 });
    await operator.joinVpn(await readFile(join(operator.config, 'socle', name, 'peer-laptop.conf'), 'utf8'));
    const { answer, changed, text } = await up('--only', 'network');
    await annotate(`second run of network: ${text}`);
    expect({ ssh: answer.ssh, changed }).toEqual({
      ssh: 'vpn',
      changed: ['Load the firewall: SSH through the VPN only'],
    });
  });

  test('`plan` tells what would be sent, changed, and what the platform file tells K3s; nothing changes', async () => {
    const { exitCode, answer } = await operator.socle('plan', ...login, '--mirror', own, '--only', 'orchestration');
    expect(exitCode).toBe(0);
    expect(answer).toMatchObject({ send: files, record: { check: true, failed: [] } });
    expect(JSON.stringify(answer)).toContain('"change":"replaced"');
    expect((await on('ls -d /usr/local/bin/k3s /etc/rancher /var/lib/socle/artifacts 2>/dev/null')).stdout).toBe('');
  });

  test('the first run ends with the node Ready, and CoreDNS and the provisioner Running', async ({ annotate }) => {
    const { answer, changed, text } = await up('--only', 'orchestration');
    await annotate(`first run of orchestration: ${text}`);
    expect(answer.sent).toEqual(files);
    expect(changed.slice(0, 2)).toEqual([...written, started]);
    expect(await kubectl(`get node ${name} -o jsonpath={.status.addresses[0].address}`)).toBe(vpn);
    const pods = await kubectl('get pods -A --no-headers -o custom-columns=N:.metadata.name,S:.status.phase');
    expect(
      pods
        .replaceAll(/-[a-z0-9]+-[a-z0-9]+ +/g, ' ')
        .split('\n')
        .sort(),
    ).toEqual(['coredns Running', 'local-path-provisioner Running']);
    expect(await kubectl('get sc -o jsonpath={.items[*].reclaimPolicy}')).toBe('Retain');
    expect((await on('ls /var/lib/socle/artifacts 2>/dev/null')).stdout).toBe('');
  });

  test('it listens on the private address and loopback only', async () => {
    const sockets = (await on('ss -Hltnp | grep k3s')).stdout.split('\n').map((line) => line.split(/\s+/)[3]);
    expect(sockets).toContain('10.8.0.1:6443');
    expect(sockets.filter((socket) => !/^(127\.0\.0\.1|10\.8\.0\.1|\[::1\]):/.test(socket ?? ''))).toEqual([]);
  });

  test('a second run sends, changes and restarts nothing, and neither does a run of everything', async ({
    annotate,
  }) => {
    const before = await mainPid();
    const second = await up('--only', 'orchestration');
    await annotate(`second run of orchestration: ${second.text}`);
    const whole = await up();
    await annotate(`no-op run of everything: ${whole.text}`);
    for (const { answer, changed } of [second, whole])
      expect({ sent: answer.sent, changed }).toEqual({ sent: [], changed: [] });
    expect(whole.answer.ssh).toBe('vpn');
    expect(await mainPid()).toBe(before);
  });

  test('`socle kubeconfig` writes a file of mode 0600 that opens the API through the VPN', async () => {
    const { exitCode, answer } = await operator.socle('kubeconfig', ...login);
    expect(exitCode).toBe(0);
    expect((await stat(answer.file)).mode & 0o777).toBe(0o600);
    const { clusters, users } = parse(await readFile(answer.file, 'utf8'));
    const { cluster } = clusters[0];
    const { user } = users[0];
    expect(cluster.server).toBe('https://10.8.0.1:6443');
    expect(JSON.stringify(answer)).not.toContain(user['client-key-data']);
    const pem = async (file: string, base64: string) => {
      const path = join(operator.directory, file);
      await writeFile(path, Buffer.from(base64, 'base64'), { mode: 0o600 });
      return path;
    };
    const proof = [
      '--cacert',
      await pem('ca.pem', cluster['certificate-authority-data']),
      '--cert',
      await pem('cert.pem', user['client-certificate-data']),
      '--key',
      await pem('key.pem', user['client-key-data']),
    ];
    expect(await curl(`${cluster.server}/readyz`, 'operator', ...proof)).toBe('ok');
    expect(await curl(`${cluster.server}/readyz`, 'wan', ...proof)).toBe('');
  });

  test('a pod with a volume serves through its ClusterIP to a peer of the VPN, and to nobody outside', async () => {
    await kubectl('apply -f -', keptPod({ serviceAddress, nodePort }));
    await kubectl('-n try rollout status deployment/kept --timeout=180s');
    const fill = 'mkdir -p /data/cgi-bin; cat > /data/cgi-bin/slowly; chmod 755 /data/cgi-bin/slowly';
    await kubectl(`-n try exec -i deploy/kept -- sh -c "${fill}"`, slowly);
    await kubectl(`-n try exec deploy/kept -- sh -c "echo still here > /data/index.html"`);
    await until('the page is served', async () => (await served()) === 'still here', 60);
    // Whoever is outside may send what they like to the host.
    await operator.exec('ip', ['route', 'replace', '10.0.0.0/8', 'via', addresses.host.v4], 'wan');
    expect(await served('wan')).toBe('');
    const pod = await kubectl('-n try get pod -l app=kept -o jsonpath={.items[0].status.podIP}');
    expect(pod).toMatch(/^10\.100\./);
    expect(await curl(`http://${pod}:8080/`, 'wan')).toBe('');
    for (const address of [addresses.host.v4, `[${addresses.host.v6}]`]) {
      expect(await curl(`http://${address}:${nodePort}/`, 'wan')).toBe('');
      expect(await curl(`https://${address}:6443/`, 'wan', '-k')).toBe('');
    }
    expect(
      (await on(`python3 -c "import urllib.request as u; print(u.urlopen('http://${vpn}:${nodePort}/').status)"`))
        .stdout,
    ).toBe('200');
    const scan = await operator.exec(
      'nmap',
      '-n -Pn -sS --min-rate 5000 --max-retries 1 -oG - -p-'.split(' ').concat(addresses.host.v4),
      'wan',
    );
    expect(scan.stdout).toMatch(/Ignored State: filtered \(65535\)/);
  });

  test('a pod reaches the Kubernetes API through its Service, and nothing of the host or the VPN', async ({
    annotate,
  }) => {
    // From inside the network of that very pod, with a program of the host.
    const answers = async (target: string) => {
      const [address = '', port = ''] = target.split(':');
      const ask =
        'import socket, sys\ntry: socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)\n' +
        'except ConnectionRefusedError: pass\nexcept OSError: sys.exit(1)\n';
      const pid = "$(pgrep -f '^busybox httpd' | head -n 1)";
      return (await on(`nsenter --net -t ${pid} python3 - ${address} ${port}`, ask)).exitCode === 0;
    };
    const theirs = ['10.101.0.1:443', '10.101.0.10:53', `${serviceAddress}:80`];
    const forbidden = [vpn, addresses.host.v4, '10.100.0.1'].flatMap((address) =>
      [22, 6443, 10_250, 7410, nodePort].map((port) => `${address}:${port}`),
    );
    const reached: string[] = [];
    for (const target of [...theirs, ...forbidden, '10.8.0.2:22', '169.254.169.254:80'])
      if (await answers(target)) reached.push(target);
    expect(reached).toEqual(theirs);

    const { answer } = await operator.socle<{ checks: { id: string; verdict: string; evidence: string }[] }>(
      ...['verify', '--quick', ...login],
    );
    const check = answer.checks.find(({ id }) => id === 'firewall-pods');
    expect(check?.verdict, check?.evidence).toBe('pass');
    await annotate(check?.evidence ?? '');
  });

  test('reloading the firewall breaks no connection of a pod or a peer, and loses no rule of K3s', async () => {
    const rules = async () => {
      const { stdout } = await operator.exec('nft', ['list', 'ruleset'], 'host');
      return stdout.split('\n').filter((line) => /KUBE|FLANNEL|CNI-/.test(line)).length;
    };
    const before = await rules();
    expect(before).toBeGreaterThan(20);
    const url = `http://${serviceAddress}/cgi-bin/slowly`;
    const all = '1\n2\n3\n4\n5\n6\n7\n8';
    const ofPeer = operator.exec('curl', ['-sSN', '--max-time', '60', url]);
    const ofPod = kubectl(`-n try exec deploy/kept -- wget -qO- ${url}`);
    for (let reload = 0; reload < 5; reload += 1)
      expect((await on('systemctl reload socle-firewall')).exitCode).toBe(0);
    expect((await ofPeer).stdout.trim()).toBe(all);
    expect((await ofPod).trim()).toBe(all);
    expect(await rules()).toBe(before);
  });

  test('a pod that is not restricted is refused, and a Secret is encrypted at rest and absent from the audit log', async () => {
    const { exitCode, stderr } = await on('k3s kubectl -n try run bare --image=socle-test:1');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('violates PodSecurity "restricted');
    await kubectl('-n try create secret generic canary --from-literal=word=canary-in-a-coal-mine');
    const { stdout } = await on(
      `cd /var/lib/rancher/k3s/server; grep -c . logs/audit.log; base64=$(printf canary-in-a-coal-mine | base64); ` +
        `grep -lra -e canary-in-a-coal-mine -e "$base64" db logs || echo nowhere`,
    );
    const [lines, where] = stdout.split('\n');
    expect(Number(lines)).toBeGreaterThan(10);
    expect(where).toBe('nowhere');
  });

  test('a file that was changed by hand is put back, and K3s restarts once for it; its pods do not', async ({
    annotate,
  }) => {
    const before = await mainPid();
    await on('echo "# by hand" >> /etc/rancher/k3s/admission.yaml; chmod 700 /usr/local/bin/k3s');
    const repaired = await up('--only', 'orchestration');
    await annotate(`repair: ${repaired.text}`);
    expect(repaired.changed).toEqual([...written, started]);
    expect((await on('stat -c %a /usr/local/bin/k3s')).stdout).toBe('755');
    expect(await mainPid()).not.toBe(before);
    expect(await served()).toBe('still here');
    expect((await up('--only', 'orchestration')).changed).toEqual([]);
  });

  test('CoreDNS at 0, and at 2, and a program that somebody changed: a repair, and no step to another K3s', async ({
    annotate,
  }) => {
    await kubectl('-n default create configmap newest --from-literal=word=kept');
    await kubectl('-n kube-system scale deployment coredns --replicas=0');
    const k3s = '/usr/local/bin/k3s';
    await on(`cp ${k3s} ${k3s}.other; echo tampered >> ${k3s}.other; mv -f ${k3s}.other ${k3s}`);
    const { exitCode, answer } = await operator.socle<Drift>('drift', 'run', ...login);
    expect(exitCode).toBe(8);
    const told = (answer.report?.deviations ?? []).map(({ what, where }) => `${what} ${where}`);
    expect(told).toEqual(
      expect.arrayContaining(['Kubernetes object deployment kube-system/coredns', `content ${k3s}`]),
    );
    const repaired = await up('--only', 'orchestration');
    await annotate(`repair of CoreDNS and the program: ${repaired.text}`);
    expect(await on(`tail -c 9 ${k3s}`)).not.toMatchObject({ stdout: 'tampered' });
    expect((await on('ls -A /var/lib/rancher/k3s/upgrade')).stdout).toBe('verified');
    expect(await kubectl('-n default get configmap newest -o jsonpath={.data.word}')).toBe('kept');
    expect(await kubectl('-n kube-system get deployment coredns -o jsonpath={.status.availableReplicas}')).toBe('1');
    await kubectl('-n kube-system scale deployment coredns --replicas=2');
    expect((await up('--only', 'orchestration')).changed).toEqual([]);
    await kubectl('-n kube-system scale deployment coredns --replicas=1');
  });

  test('what K3s is told by somebody else is drift, and so are rules beside its own', async () => {
    const ofCluster = foreignDrifts.filter(({ needs }) => needs === 'cluster');
    for (const { by } of ofCluster) await on(by);
    await on('nft add chain ip nat PREROUTING; nft add rule ip nat PREROUTING tcp dport 8443 redirect to :6443');
    const { answer } = await operator.socle<Drift>('drift', 'run', ...login);
    const found = (answer.report?.deviations ?? []).filter(({ foreign }) => foreign);
    const told = found.map(({ what, where, found: is }) => `${what} ${where}: ${is}`);
    for (const {
      told: [kind, part],
    } of ofCluster)
      expect(told.filter((one) => one.startsWith(kind)).join('\n')).toContain(part);
    expect(told.filter((one) => one.startsWith('nft rule')).join('\n')).toContain('8443');
    expect(found).toHaveLength(ofCluster.length + 1);
    for (const { undo } of ofCluster) await on(undo);
    await on('nft flush chain ip nat PREROUTING; systemctl restart k3s');
    await until('K3s is ready again', async () => (await on('k3s kubectl get --raw /readyz')).stdout === 'ok', 120);
    expect(await operator.socle<Drift>('drift', 'run', ...login)).toMatchObject({ exitCode: 0 });
  });

  test('after a reboot everything is back with its data, and a run changes nothing', async ({ annotate }) => {
    const start = performance.now();
    await operator.reboot(vpn);
    await annotate(`reboot to ssh: ${Math.round((performance.now() - start) / 1000)} s`);
    await until('the page is served again', async () => (await served()) === 'still here', 240);
    await annotate(`reboot to the page served: ${Math.round((performance.now() - start) / 1000)} s`);
    expect(await served('wan')).toBe('');
    const { changed, text } = await up();
    await annotate(`run of everything after the reboot: ${text}`);
    expect(changed).toEqual([]);
  });
});
