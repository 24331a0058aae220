import { appendFile, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import { silent } from '../../src/kernel/progress.ts';
import { k3sExceptions } from '../../src/sandbox/kubernetes.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { linkMirror, whyNoK3s } from '../support/k3s.ts';
import { Operator, type SocleAnswer } from '../support/operator.ts';

/** The real K3s of the artifact mirror: another program in its place, and the cluster on a fresh machine. */
const name = 'recovered';
const upgradeWait = 60;
const mirror = findMirror();

const why = whyNoK3s(mirror, ['wireguard-go', 'restic']);

/**
 * A program that says that it is another version, writes into the datastore what an older K3s must never read, and is
 * never ready.
 */
const broken = (version: string) => `#!/bin/sh
case \${1:-} in
  --version) echo "k3s version ${version} (0123abcd)" ;;
  server)
    python3 - <<'PYTHON'
import sqlite3
with sqlite3.connect("/var/lib/rancher/k3s/server/db/state.db", timeout=30) as db:
    db.execute("INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease, value, old_value)"
               " VALUES ('/registry/poison', 1, 0, 0, 0, 0, x'00', x'00')")
PYTHON
    echo 'this K3s was never meant to be ready'
    exec sleep infinity ;;
  *) exit 1 ;;
esac
`;

interface Answer {
  readonly error: { readonly code: string; readonly details: { readonly output: string } };
  readonly manifest: { readonly id: string; readonly k3s: string; readonly files: number; readonly bytes: number };
}

describe.skipIf(why !== '')(`a cluster that goes on ${why}`, () => {
  let directory: string;
  let own: string;
  let operator: Operator;
  let login: string[];

  const on = (script: string) => operator.on(script, addresses.host.v4, 300_000);
  const kubectl = async (args: string) => {
    const { exitCode, stdout, stderr } = await on(`k3s kubectl ${args}`);
    expect(exitCode, stderr).toBe(0);
    return stdout.trim();
  };
  const secret = (which: string) => kubectl(`-n default get secret ${which} -o jsonpath={.data.word}`);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const mainPid = async () => (await on('systemctl show --property=MainPID --value k3s')).stdout;
  const sumOfProgram = async () => (await on('sha256sum /usr/local/bin/k3s')).stdout.split(' ')[0];
  const nodeReady = () => kubectl(`wait node/${name} --for=condition=Ready --timeout=60s`);

  /** The platform file, and a mirror with this program in it. */
  async function pin(k3s?: string): Promise<void> {
    const sums = await linkMirror(mirror ?? '', own, k3s);
    const platform = {
      name,
      environment: 'dev',
      host: { address: addresses.host.v4 },
      cluster: { mirror_sums: sums, k3s: { config: k3sExceptions, upgrade_wait: `${upgradeWait}s` } },
      backup: { vault: { repository: join(directory, 'vault'), password: { file: join(directory, 'password') } } },
      ops: { state: join(directory, 'state') },
    };
    await writeFile(join(operator.directory, 'platform.yaml'), stringify(platform));
  }

  async function up(...args: string[]): Promise<SocleAnswer> {
    return operator.socle('up', ...login, '--mirror', own, ...args);
  }

  /** A machine, with SSH in public: the VPN is another test's. */
  async function boot(machine: string): Promise<void> {
    const booted = await bootMachine({ name: machine, release: 13, kubernetes: true }, silent);
    operator = new Operator(booted, await mkdtemp(join(directory, `${machine}-`)));
    login = await operator.login();
    // Many log in here, each for one command: their user's manager stays.
    await on('loginctl enable-linger debian');
    await pin();
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'socle-recovery-'));
    own = join(directory, 'mirror');
    await writeFile(join(directory, 'password'), 'canary-of-the-vault\n', { mode: 0o600 });
    await boot('test-recover-1');
    const { exitCode, answer } = await up('--only', 'network,orchestration', '--vpn-wait', '1s');
    expect(exitCode, JSON.stringify(answer)).toBe(6);
    expect((await operator.socle('vault', 'init')).exitCode).toBe(0);
  }, 1_800_000);
  afterAll(async () => {
    for (const machine of ['test-recover-1', 'test-recover-2']) await removeMachine(machine);
    await rm(directory, { recursive: true, force: true });
  });

  test('a copy of the running cluster goes into the vault over SSH', async ({ annotate }) => {
    await kubectl('-n default create secret generic kept --from-literal=word=canary-in-a-coal-mine');
    const start = performance.now();
    const { exitCode, answer } = await operator.socle<Answer>('cluster', 'snapshot', 'save', ...login);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    const { files, bytes, k3s } = answer.manifest;
    await annotate(`${files} files, ${bytes} bytes, ${Math.round(performance.now() - start)} ms, ${k3s}`);
    expect(files).toBeGreaterThan(20);
    const { answer: listed } = await operator.socle<unknown>('cluster', 'snapshot', 'list');
    expect(listed).toMatchObject([{ id: answer.manifest.id, complete: true }]);
    // What a restore on the fresh machine must not know.
    await kubectl('-n default create secret generic later --from-literal=word=later');
    expect((await on('ls -A /var/lib/rancher/k3s/server/db | grep copy')).stdout).toBe('');
  });

  test.each([
    ['v1.99.0+k3s1', 'skips a minor version'],
    ['v1.1.0+k3s1', 'is older'],
  ])('%s in the place of the K3s that runs is refused, and nothing restarts', async (version, says) => {
    const [pid, sum] = [await mainPid(), await sumOfProgram()];
    const program = join(directory, 'other-k3s');
    await writeFile(program, broken(version), { mode: 0o755 });
    await pin(program);
    const { exitCode, answer } = await operator.socle<Answer>(
      'up',
      ...login,
      '--mirror',
      own,
      '--only',
      'orchestration',
    );
    expect({ exitCode, code: answer.error.code }).toEqual({ exitCode: 69, code: 'run-failed' });
    expect(answer.error.details.output).toContain(says);
    expect([await mainPid(), await sumOfProgram()]).toEqual([pid, sum]);
  });

  test('a newer K3s that never becomes ready goes back, with the datastore: the cluster runs as before', async ({
    annotate,
  }) => {
    const sum = await sumOfProgram();
    const running = answerVersion(await on('k3s --version'));
    const program = join(directory, 'broken-k3s');
    await writeFile(program, broken(nextMinor(running)), { mode: 0o755 });
    await pin(program);
    const start = performance.now();
    const { exitCode, answer } = await operator.socle<Answer>(
      'up',
      ...login,
      '--mirror',
      own,
      '--only',
      'orchestration',
    );
    await annotate(`up that went back: ${Math.round((performance.now() - start) / 1000)} s`);
    expect({ exitCode, code: answer.error.code }).toEqual({ exitCode: 69, code: 'run-failed' });
    const { output } = answer.error.details;
    expect(output).toContain(`K3s ${nextMinor(running)} was not ready within ${upgradeWait} s`);
    expect(output).toContain(`K3s ${running} with its datastore from before is back and ready`);
    expect(output).toContain('this K3s was never meant to be ready');
    expect(await sumOfProgram()).toBe(sum);
    expect(await nodeReady()).toContain('condition met');
    expect(await secret('kept')).toBe(base64('canary-in-a-coal-mine'));
    expect(await secret('later')).toBe(base64('later'));
    const poison = (database: string) =>
      on(`python3 -c "import sqlite3; print(sqlite3.connect('/var/lib/rancher/k3s/server/${database}/state.db')
.execute(\\"SELECT count(*) FROM kine WHERE name = '/registry/poison'\\").fetchone()[0])"`);
    expect((await poison('db')).stdout).toBe('0');
    expect((await poison('replaced/server-db')).stdout).not.toBe('0');
  });

  test('another program that is ready stays, and the run after it changes nothing', async ({ annotate }) => {
    const program = join(directory, 'good-k3s');
    await copyFile(join(mirror ?? '', 'k3s'), program);
    await appendFile(program, '\n');
    await pin(program);
    const start = performance.now();
    const { exitCode, answer } = await up('--only', 'orchestration');
    await annotate(`up with another program: ${Math.round((performance.now() - start) / 1000)} s`);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(await nodeReady()).toContain('condition met');
    expect(await secret('later')).toBe(base64('later'));
    expect((await on('ls -A /var/lib/rancher/k3s/upgrade')).stdout).toBe('before');
    const again = await up('--only', 'orchestration');
    expect({ exitCode: again.exitCode, changed: again.answer.record.changed }).toEqual({ exitCode: 0, changed: [] });
  });

  test('on a fresh machine the copy is the cluster that was saved: the node is Ready, and an old Secret is readable', async ({
    annotate,
  }) => {
    await removeMachine('test-recover-1');
    await boot('test-recover-2');
    expect((await up('--only', 'network', '--vpn-wait', '1s')).exitCode).toBe(6);
    const start = performance.now();
    const { exitCode, answer } = await operator.socle<Answer>('cluster', 'restore', ...login);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    const twice = await operator.socle<Answer>('cluster', 'restore', ...login);
    expect(twice).toMatchObject({ exitCode: 4, answer: { error: { code: 'target-not-empty' } } });
    const brought = await up('--only', 'orchestration');
    expect(brought.exitCode, JSON.stringify(brought.answer)).toBe(0);
    await annotate(`restore and up to Ready: ${Math.round((performance.now() - start) / 1000)} s`);
    expect(await nodeReady()).toContain('condition met');
    expect(await secret('kept')).toBe(base64('canary-in-a-coal-mine'));
    expect((await on('k3s kubectl -n default get secret later')).exitCode).toBe(1);
    expect((await up('--only', 'orchestration')).answer.record.changed).toEqual([]);
    const replaced = await operator.socle<Answer>('cluster', 'restore', '--replace', ...login);
    expect(replaced.exitCode, JSON.stringify(replaced.answer)).toBe(0);
    expect((await up('--only', 'orchestration')).exitCode).toBe(0);
    expect(await secret('kept')).toBe(base64('canary-in-a-coal-mine'));
  });
});

const answerVersion = ({ stdout }: { readonly stdout: string }) => stdout.split(' ')[2] ?? '';

const nextMinor = (version: string) =>
  version.replace(/^v(\d+)\.(\d+)\.\d+/, (_, major, minor) => `v${major}.${Number(minor) + 1}.0`);
