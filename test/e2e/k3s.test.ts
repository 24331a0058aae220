import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { findMirror, resolveArtifacts } from '../../src/cluster/mirror.ts';
import { manifest } from '../../src/cluster/objects.ts';
import { arrivalOf, arrivals, clusterVariables } from '../../src/cluster/variables.ts';
import { run } from '../../src/kernel/process.ts';
import { silent } from '../../src/kernel/progress.ts';
import { shellWord } from '../../src/kernel/shell.ts';
import { parsePlatform } from '../../src/platform/load.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { sshCommand } from '../../src/sandbox/ssh.ts';
import type { MachineRecord } from '../../src/sandbox/store.ts';
import { until } from '../support/until.ts';

/** The real K3s of the artifact mirror, installed by the role on a throw-away Debian 13. */
const name = 'test-k3s';
const ansible = fileURLToPath(new URL('../../ansible', import.meta.url));
const mirror = findMirror();

/** What this needs of the mirror: its own build of K3s, and images of these names. */
const files = [
  'k3s',
  ...['pause', 'coredns', 'local-path-provisioner', 'busybox', 'socle-test'].map((n) => `images/${n}.tar`),
];

/** What a machine that shares our kernel cannot have; a real host has none of these. */
const exceptions = {
  'protect-kernel-defaults': false,
  'flannel-backend': 'host-gw',
  'kubelet-arg+': ['fail-cgroupv1=false', 'cgroup-driver=cgroupfs'],
};

const addressUnit = `[Unit]
DefaultDependencies=no
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ip address replace 10.8.0.1/32 dev lo
[Install]
WantedBy=multi-user.target
`;

const playbook = `- hosts: all
  gather_facts: false
  become: true
  roles: [k3s]
`;

const app = { app: 'kept' };
const workload = manifest([
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'try' } },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'kept', namespace: 'try' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kept', namespace: 'try' },
    spec: { clusterIP: '10.43.0.80', selector: app, ports: [{ port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'kept', namespace: 'try' },
    spec: {
      selector: { matchLabels: app },
      template: {
        metadata: { labels: app },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 65_534, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'web',
              image: 'docker.io/library/socle-test:1',
              imagePullPolicy: 'Never',
              command: ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/data'],
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'kept' } }],
        },
      },
    },
  },
]);

const sandboxed = userInfo().uid === 0 && mirror !== null;
const why = mirror === null ? 'SKIPPED: there is no artifact mirror' : 'needs root';

describe.skipIf(!sandboxed)(`K3s of the mirror on a throw-away machine (${why})`, () => {
  let machine: MachineRecord;
  let own: string;

  const ssh = (script: string) => sshCommand(machine, [`sudo sh -c ${shellWord(script)}`]);
  async function on(script: string, input?: string, accept: readonly number[] = [0]) {
    const [file, ...args] = ssh(script);
    return run(file, args, { accept, timeout: 600_000, ...(input === undefined ? {} : { input }) });
  }
  const kubectl = async (args: string, input?: string) => (await on(`k3s kubectl ${args}`, input)).stdout;
  const mainPid = async () => (await on('systemctl show --property=MainPID --value k3s')).stdout;

  async function play(): Promise<{ changed: number; seconds: number }> {
    const start = performance.now();
    const { stdout } = await on(
      'cd /root/play && LC_ALL=C.UTF-8 ansible-playbook -i localhost, -c local -e @variables.json play.yml',
    );
    const [, changed = Number.NaN] = /changed=(\d+) +unreachable=0 +failed=0/.exec(stdout) ?? [];
    return { changed: Number(changed), seconds: Math.round((performance.now() - start) / 100) / 10 };
  }

  const page = 'import urllib.request as u; print(u.urlopen("http://10.43.0.80/", timeout=3).read().decode())';
  const served = async () => (await on(`python3 -c ${shellWord(page)}`, undefined, [0, 1])).stdout.trim();

  /** A mirror with links to the files that are needed, and its own list of checksums. */
  async function linkMirror(): Promise<string> {
    let sums = '';
    for (const file of files) {
      const source = join(mirror ?? '', file);
      await mkdir(dirname(join(own, file)), { recursive: true });
      await symlink(source, join(own, file));
      sums += `${createHash('sha256')
        .update(await readFile(source))
        .digest('hex')}  ${file}\n`;
    }
    await writeFile(join(own, 'SHA256SUMS'), sums);
    return createHash('sha256').update(sums).digest('hex');
  }

  beforeAll(async () => {
    own = await mkdtemp(join(tmpdir(), 'socle-k3s-'));
    const sums = await linkMirror();
    machine = await bootMachine({ name, release: 13, kubernetes: true }, silent);
    const cluster = { mirror_sums: sums, k3s: { config: exceptions } };
    const platform = parsePlatform(stringify({ name, environment: 'dev', cluster }), 'platform.yaml');
    const artifacts = await resolveArtifacts({ named: own, sums });
    if (!platform.cluster) throw new Error('no cluster');
    const variables = clusterVariables(platform, platform.cluster, artifacts);
    await on(
      'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ansible-core',
    );
    await on('cat > /etc/systemd/system/socle-address.service', addressUnit);
    await on(`systemctl enable -q --now socle-address && mkdir -p /root/play ${arrivals}`);
    const upload = (producer: string, consumer: string) =>
      run('sh', ['-c', `${producer} | ${ssh(consumer).map(shellWord).join(' ')}`]);
    await upload(`tar -C ${shellWord(ansible)} -cf - .`, 'tar -C /root/play -xf -');
    for (const artifact of artifacts) {
      if ('file' in artifact.from) await upload(`cat ${shellWord(artifact.from.file)}`, `cat > ${arrivalOf(artifact)}`);
    }
    await on('cat > /root/play/play.yml', playbook);
    await on('cat > /root/play/variables.json', JSON.stringify(variables));
  }, 600_000);
  afterAll(async () => {
    await removeMachine(name);
    await rm(own, { recursive: true, force: true });
  });

  test('the first run ends with the node Ready, and CoreDNS and the provisioner Running', async ({ annotate }) => {
    const { changed, seconds } = await play();
    await annotate(`first run: ${seconds} s, ${changed} tasks changed`);
    expect(changed).toBeGreaterThan(4);
    expect(await kubectl(`get node ${name} -o jsonpath={.status.addresses[0].address}`)).toBe('10.8.0.1');
    const pods = await kubectl('get pods -A --no-headers -o custom-columns=N:.metadata.name,S:.status.phase');
    expect(
      pods
        .replaceAll(/-[a-z0-9]+-[a-z0-9]+ +/g, ' ')
        .split('\n')
        .sort(),
    ).toEqual(['coredns Running', 'local-path-provisioner Running']);
    expect(await kubectl('get sc -o jsonpath={.items[*].reclaimPolicy}')).toBe('Retain');
  });

  test('it listens on the private address and loopback only', async () => {
    const sockets = (await on('ss -Hltnp | grep k3s')).stdout.split('\n').map((line) => line.split(/\s+/)[3]);
    expect(sockets).toContain('10.8.0.1:6443');
    expect(sockets.filter((socket) => !/^(127\.0\.0\.1|10\.8\.0\.1|\[::1\]):/.test(socket ?? ''))).toEqual([]);
  });

  test('a second run changes nothing and restarts nothing', async ({ annotate }) => {
    const before = await mainPid();
    const { changed, seconds } = await play();
    await annotate(`second run: ${seconds} s, ${changed} tasks changed`);
    expect(changed).toBe(0);
    expect(await mainPid()).toBe(before);
  });

  test('a pod with a volume serves through its ClusterIP', async () => {
    await kubectl('apply -f -', workload);
    await kubectl('-n try rollout status deployment/kept --timeout=180s');
    await kubectl(`-n try exec deploy/kept -- sh -c 'echo still here > /data/index.html'`);
    await until('the page is served', async () => (await served()) === 'still here', 60);
  });

  test('a pod that is not restricted is refused, and a Secret is encrypted at rest and absent from the audit log', async () => {
    const { stderr } = await on('k3s kubectl -n try run bare --image=socle-test:1', undefined, [1]);
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

  test('a file that was changed by hand is put back, and K3s restarts once for it; its pods do not', async () => {
    const before = await mainPid();
    await on('echo "# by hand" >> /etc/rancher/k3s/admission.yaml');
    expect((await play()).changed).toBe(2);
    expect(await mainPid()).not.toBe(before);
    expect(await served()).toBe('still here');
    expect((await play()).changed).toBe(0);
  });

  test('after a reboot everything is back with its data, and a run changes nothing', async ({ annotate }) => {
    const boot = () => on('cut -d" " -f22 /proc/1/stat', undefined, [0, 255]);
    const before = (await boot()).stdout;
    const start = performance.now();
    await on('systemctl reboot', undefined, [0, 255]);
    await until(
      'the machine is back',
      async () => {
        const { exitCode, stdout } = await boot();
        return exitCode === 0 && stdout !== before;
      },
      240,
    );
    await annotate(`reboot to ssh: ${Math.round((performance.now() - start) / 1000)} s`);
    await until('the page is served again', async () => (await served()) === 'still here', 240);
    await annotate(`reboot to the page served: ${Math.round((performance.now() - start) / 1000)} s`);
    const { changed, seconds } = await play();
    await annotate(`run after the reboot: ${seconds} s, ${changed} tasks changed`);
    expect(changed).toBe(0);
  });
});
