import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import { manifest } from '../../src/cluster/objects.ts';
import { silent } from '../../src/kernel/progress.ts';
import { k3sExceptions } from '../../src/sandbox/kubernetes.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { findOlderMirror, linkMirror, whyNoK3s } from '../support/k3s.ts';
import { tryNamespace, withVolume } from '../support/kept-pod.ts';
import { Operator, type SocleAnswer } from '../support/operator.ts';

/** Two real K3s, one minor apart, on one machine: up, and not down again. */
const machine = 'test-upgrade';
const name = 'upgraded';
const mirror = findMirror();
const older = findOlderMirror(mirror);

const why =
  whyNoK3s(mirror, ['wireguard-go']) || (older === null ? '(SKIPPED: there is no mirror of an older K3s)' : '');

const upgrade = '/var/lib/rancher/k3s/upgrade';

/** The Secrets in the copy of the datastore that was kept. */
const secretsKept = `
cd $(mktemp -d)
tar -xf ${upgrade}/before/datastore.tar server/db/state.db
python3 -c "import sqlite3
for row in sqlite3.connect('server/db/state.db').execute(
    \\"SELECT DISTINCT name FROM kine WHERE name LIKE '/registry/secrets/default/%' ORDER BY name\\"): print(row[0].split('/')[-1])"
rm -r "$PWD"`;

interface Failed {
  readonly error: { readonly code: string; readonly details: { readonly output: string } };
}

describe.skipIf(why !== '')(`K3s one minor version up ${why}`, () => {
  let directory: string;
  let own: string;
  let operator: Operator;
  let login: string[];
  let before: { readonly version: string; readonly container: string };

  const on = async (script: string, input?: string) => {
    const { exitCode, stdout, stderr } = await operator.on(script, addresses.host.v4, 300_000, input);
    expect(exitCode, stderr).toBe(0);
    return stdout.trim();
  };
  const kubectl = (args: string) => on(`k3s kubectl ${args}`);
  const version = async () => (await on('k3s --version')).split(' ')[2] ?? '';
  const nodeVersion = () => kubectl(`get node ${name} -o jsonpath={.status.nodeInfo.kubeletVersion}`);
  const nodeReady = () => kubectl(`wait node/${name} --for=condition=Ready --timeout=60s`);
  const word = async () =>
    Buffer.from(await kubectl('-n default get secret kept -o jsonpath={.data.word}'), 'base64').toString();
  const container = () =>
    kubectl('-n try get pod -l app=kept -o jsonpath={.items[*].status.containerStatuses[*].containerID}');
  const page = () => kubectl('-n try exec deploy/kept -- cat /data/page');
  /** What a run that refuses must not touch. */
  const state = () =>
    on(`systemctl show --property=MainPID --value k3s
sha256sum /usr/local/bin/k3s /etc/rancher/k3s/* /etc/systemd/system/k3s.service $(find ${upgrade} -type f | sort)`);

  async function up<T = SocleAnswer['answer']>(from: string | null, ...args: string[]): Promise<SocleAnswer<T>> {
    const sums = await linkMirror(from ?? '', own);
    const platform = {
      name,
      environment: 'dev',
      host: { address: addresses.host.v4 },
      cluster: { mirror_sums: sums, k3s: { config: k3sExceptions } },
    };
    await writeFile(join(operator.directory, 'platform.yaml'), stringify(platform));
    return operator.socle<T>('up', ...login, '--mirror', own, ...args);
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'socle-upgrade-'));
    own = join(directory, 'mirror');
    operator = new Operator(await bootMachine({ name: machine, release: 13, kubernetes: true }, silent), directory);
    login = await operator.login();
    const { exitCode, answer } = await up(older, '--only', 'network,orchestration', '--vpn-wait', '1s');
    expect(exitCode, JSON.stringify(answer)).toBe(6);
  }, 1_800_000);
  afterAll(async () => {
    await removeMachine(machine);
    await rm(directory, { recursive: true, force: true });
  });

  test('the older K3s runs a pod with a volume, and holds a Secret', async ({ annotate }) => {
    await kubectl('-n default create secret generic kept --from-literal=word=canary-in-a-coal-mine');
    const objects = manifest([tryNamespace, ...withVolume('kept', ['busybox', 'sleep', 'infinity'])]);
    await on('k3s kubectl apply -f -', objects);
    await kubectl('-n try rollout status deployment/kept --timeout=180s');
    await kubectl('-n try exec deploy/kept -- sh -c "echo still here > /data/page"');
    before = { version: await version(), container: await container() };
    expect(await nodeVersion()).toBe(before.version);
    await annotate(before.version);
  });

  test('the newer one becomes ready: the pod went on, its data and the old Secret are there', async ({ annotate }) => {
    const start = performance.now();
    const { exitCode, answer } = await up(mirror, '--only', 'orchestration');
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    const seconds = Math.round((performance.now() - start) / 1000);
    const after = await version();
    await annotate(`${before.version} to ${after}: ${seconds} s, ${JSON.stringify(answer.record.changed)}`);
    expect(after).not.toBe(before.version);
    expect(await nodeVersion()).toBe(after);
    expect(await nodeReady()).toContain('condition met');
    expect(await container()).toBe(before.container);
    expect(await page()).toBe('still here');
    expect(await word()).toBe('canary-in-a-coal-mine');
  });

  test('the older program and the datastore that it wrote are kept', async () => {
    expect(await on(`ls -A ${upgrade}`)).toBe('before\nverified');
    expect((await on(`${upgrade}/before/k3s --version`)).split(' ')[2]).toBe(before.version);
    expect(JSON.parse(await on(`cat ${upgrade}/before/about.json`))).toMatchObject({ k3s: before.version });
    expect(await on(secretsKept)).toBe('kept');
  });

  test('the run after it changes nothing', async () => {
    const { exitCode, answer } = await up(mirror, '--only', 'orchestration');
    expect({ exitCode, changed: answer.record.changed }).toEqual({ exitCode: 0, changed: [] });
  });

  test('the newer one starts pods of its own, on the volume from before', async () => {
    await kubectl('-n try delete pod -l app=kept --grace-period=1');
    await kubectl('-n try rollout status deployment/kept --timeout=180s');
    expect(await container()).not.toBe(before.container);
    expect(await page()).toBe('still here');
  });

  test('back down is refused, and nothing changes', async () => {
    const there = await state();
    const { exitCode, answer } = await up<Failed>(older, '--only', 'orchestration');
    expect({ exitCode, code: answer.error.code }).toEqual({ exitCode: 69, code: 'run-failed' });
    expect(answer.error.details.output).toContain(`and ${before.version} is older`);
    expect(await state()).toBe(there);
    expect(await nodeReady()).toContain('condition met');
    expect(await word()).toBe('canary-in-a-coal-mine');
  });
});
