import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import { manifest } from '../../src/cluster/objects.ts';
import type { VerifyReport } from '../../src/governance/verify/verify.ts';
import { silent } from '../../src/kernel/progress.ts';
import { k3sExceptions } from '../../src/sandbox/kubernetes.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { linkMirror, whyNoK3s } from '../support/k3s.ts';
import { tryNamespace, withVolume } from '../support/kept-pod.ts';
import { Operator } from '../support/operator.ts';
import { until } from '../support/until.ts';

/** Pods of a host that goes down end in order, with what they still had to write, and keep nobody waiting. */
const mirror = findMirror();
const why = whyNoK3s(mirror, []);
const host = addresses.host.v4;

/** Needs two seconds to end, and says in its volume how far it came. */
const writer = `log() { echo "$1" >> /data/log; sync /data/log; }
trap 'log asked; sleep 2; log ended; exit 0' TERM
log started
while :; do sleep 1 & wait $!; done`;
const deaf = "trap '' TERM; while :; do sleep 1; done";

/** Ways down. The first one is announced to the kubelet; of the others nobody tells it, or it is gone already. */
const ways = [
  ['`systemctl reboot`', 'systemctl reboot'],
  ['Ctrl-Alt-Del at the console', 'kill -INT 1'],
  ['a reboot while K3s is stopped', 'systemctl stop k3s && systemctl reboot'],
] as const;

describe.skipIf(why !== '').each([13, 12] as const)(`a Debian %i with pods goes down ${why}`, (release) => {
  const name = `test-down-${release}`;
  let operator: Operator;

  const must = async (script: string, input?: string) => {
    const { exitCode, stdout, stderr } = await operator.on(script, host, 300_000, input);
    expect(exitCode, `${script}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  };
  const log = async () => (await must('cat /var/lib/rancher/k3s/storage/*_try_writer/log')).trim().split('\n');

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'socle-down-'));
    const own = join(directory, 'mirror');
    const sums = await linkMirror(mirror ?? '', own);
    operator = new Operator(await bootMachine({ name, release, kubernetes: true }, silent), directory);
    const platform = {
      name,
      environment: 'dev',
      host: { address: host },
      firewall: { ssh: 'public' },
      cluster: { mirror_sums: sums, k3s: { config: k3sExceptions } },
    };
    await writeFile(join(directory, 'platform.yaml'), stringify(platform));
    const { exitCode, answer } = await operator.socle('up', ...(await operator.login()), '--mirror', own);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
  }, 600_000);
  afterAll(async () => {
    await removeMachine(name);
    await rm(operator?.directory ?? '', { recursive: true, force: true });
  });

  test('from its first start on, K3s holds a shutdown back', async () => {
    expect(await must('systemd-inhibit --list --no-pager --no-legend')).toMatch(/kubelet .*\bshutdown\b.* delay$/m);
    expect(await must('ls /etc/systemd/logind.conf.d')).toBe('99-socle.conf');
    const { answer } = await operator.socle<VerifyReport>('verify', '--quick', ...(await operator.login()));
    const check = answer.checks?.find(({ id }) => id === 'k3s-shutdown');
    expect(check, JSON.stringify(answer)).toMatchObject({ verdict: 'pass' });
  });

  test('pods outlive a restart of K3s', async () => {
    const pods = [...withVolume('writer', ['sh', '-c', writer]), ...withVolume('deaf', ['sh', '-c', deaf])];
    await must('k3s kubectl apply -f -', manifest([tryNamespace, ...pods]));
    for (const pod of ['writer', 'deaf'])
      await must(`k3s kubectl -n try rollout status deployment/${pod} --timeout=180s`);
    expect(await log()).toEqual(['started']);
    await must('systemctl restart k3s');
    await must('k3s kubectl -n try rollout status deployment/writer --timeout=60s');
    expect(await log()).toEqual(['started']);
  });

  test.for(ways)('by %s: pods end in order first, and it is back within 80 s', async ([, command], { annotate }) => {
    await until('the deaf pod runs', async () => (await operator.on('pgrep -f "^sh -c trap "')).exitCode === 0, 60);
    const before = await log();
    const start = performance.now();
    const since = () => `${Math.round((performance.now() - start) / 100) / 10} s`;
    await operator.reboot(host, 300, command);
    const took = performance.now() - start;
    await annotate(`back after ${since()}`);
    await until('the pod is back', async () => (await log()).slice(before.length).includes('started'), 180);
    await annotate(`its pod after ${since()}`);
    expect((await log()).slice(before.length)).toEqual(['asked', 'ended', 'started']);
    // One that does not end is given its time, whoever asked it.
    expect(took).toBeGreaterThan(20_000);
    expect(took).toBeLessThan(80_000);
    await must('k3s kubectl -n try rollout status deployment/deaf --timeout=180s');
  });
});
