import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { parseDocument } from 'yaml';
import { findMirror } from '../../src/cluster/mirror.ts';
import type { DrillReport } from '../../src/drill/schema.ts';
import type { VerifyReport } from '../../src/governance/verify/verify.ts';
import type { RunRecord } from '../../src/host/records.ts';
import type { Repeats } from '../../src/host/repeats.ts';
import { silent } from '../../src/kernel/progress.ts';
import { parsePlatform } from '../../src/platform/load.ts';
import { statePaths } from '../../src/platform/paths.ts';
import { k3sExceptions, k3sKnownFiles } from '../../src/sandbox/kubernetes.ts';
import { bootMachine, type MachineRequest, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { linkMirror } from './k3s.ts';
import { keptPod } from './kept-pod.ts';
import { answerOf, Operator } from './operator.ts';
import { OperatorsVault } from './operators-vault.ts';
import { until } from './until.ts';

const mirror = findMirror();
/** Without a mirror the path is gone without K3s. */
export const k3s = mirror !== null;

export const vpn = '10.8.0.1';
const api = `http://${vpn}:7410`;
const serviceAddress = '10.43.0.80';
const nodePort = 30_080;
const inPublic = [addresses.host.v4, `[${addresses.host.v6}]`];
const sshInPublic = inPublic.map((address) => `http://${address}:22/`);

/** What a run that changes nothing leaves running as it is. */
const units = [
  ...['ssh', 'systemd-journald', 'socle-address', 'socle-firewall', 'socle-wireguard'],
  ...['socle', 'socle-drill.socket', 'socle-facts.timer', 'postgresql@*-main.service'],
  ...(k3s ? ['k3s'] : []),
];

/** What the document of `socle up` holds. */
interface Answer {
  readonly record: RunRecord;
  readonly ssh: string | null;
  readonly api: string | null;
}

type Annotate = TestContext['annotate'];

const inSeconds = (ms: number) => `${Math.round(ms / 100) / 10} s`;
const told = ({ record }: Answer) =>
  `${record.seconds} s by its record, changed ${record.changed.length}, ${JSON.stringify(record.roles)}`;

/** A throw-away machine, its operator, and what the mirror has for it. */
export async function newOperator(request: Omit<MachineRequest, 'kubernetes'>) {
  const directory = await mkdtemp(join(tmpdir(), 'socle-whole-'));
  const operator = new Operator(await bootMachine({ ...request, kubernetes: k3s }, silent), directory);
  const own = join(directory, 'mirror');
  const cluster = mirror === null ? {} : { mirror_sums: await linkMirror(mirror, own) };
  const options = [...(await operator.login()), ...(mirror === null ? [] : ['--mirror', own])];
  return { operator, cluster, options };
}

/** A run of `socle up` that ends well, and how long it took the operator. */
export async function up(operator: Operator, options: readonly string[]): Promise<Answer & { readonly text: string }> {
  const start = performance.now();
  const { exitCode, answer } = await operator.socle<Answer>('up', ...options);
  const took = inSeconds(performance.now() - start);
  expect(exitCode, JSON.stringify(answer)).toBe(0);
  return { ...answer, text: `${took}; ${told(answer)}` };
}

export async function leave(operator: Operator | undefined, name: string) {
  await operator?.leaveVpn();
  await removeMachine(name);
  await rm(operator?.directory ?? '', { recursive: true, force: true });
}

/** The steps of the main path, on one machine. Each is what a test of its own looks at; they build on each other. */
export class WholePath {
  readonly #request: Omit<MachineRequest, 'kubernetes'>;
  #operator: Operator | undefined;
  #vault: OperatorsVault | undefined;
  #cluster: { mirror_sums?: string } = {};
  #options: string[] = [];
  /** What this machine remembers of the platform, which is root's, and in no directory of the test. */
  #state: string | undefined;

  constructor(request: Omit<MachineRequest, 'kubernetes'>) {
    this.#request = request;
  }

  get name(): string {
    return this.#request.name;
  }

  get operator(): Operator {
    if (!this.#operator) throw new Error('the machine has not booted');
    return this.#operator;
  }

  /** What is emulated takes longer, and is given it. */
  get #patience(): number {
    return this.operator.patience;
  }

  /** As root on the machine, through the VPN. */
  async must(script: string, input?: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.operator.on(script, vpn, 600_000 * this.#patience, input);
    expect(exitCode, `${script}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  }

  /** Within 4 s on an ordinary machine: a connection that hangs until a ruleset is taken back is no answer. */
  async answers(address: string): Promise<boolean> {
    return (await this.operator.on('true', address, 4_000 * this.#patience)).exitCode === 0;
  }

  /** What somebody gets who asks from there, such as the banner of SSH. */
  async #curl(url: string, where: 'operator' | 'wan' = 'operator'): Promise<string> {
    const args = ['-sSk', '--http0.9', '--max-time', String(3 * this.#patience), url];
    return (await this.operator.exec('curl', args, where)).stdout;
  }

  async #nobodyOutsideGets(urls: readonly string[]): Promise<void> {
    for (const url of urls) expect(await this.#curl(url, 'wan'), url).toBe('');
  }

  #kubectl(args: string, input?: string): Promise<string> {
    return this.must(`k3s kubectl ${args}`, input);
  }

  async #page(): Promise<string> {
    return this.#curl(`http://${serviceAddress}/`);
  }

  async #ready(): Promise<boolean> {
    return (await this.#curl(`${api}/readyz`)) === '{"status":"pass"}';
  }

  async #runningUnits(): Promise<string> {
    const names = units.map((unit) => `"${unit}"`).join(' ');
    const text = await this.must(`systemctl show --property=Id,InvocationID,NRestarts,ActiveState ${names}`);
    // One that does not run, or that the pattern misses, would stay as it is, too.
    expect(text.match(/^ActiveState=active$/gm), text).toHaveLength(units.length);
    expect(text.match(/^InvocationID=[0-9a-f]{32}$/gm), text).toHaveLength(units.length);
    return text;
  }

  /** Boots the machine, with a vault where the operator sits, and a way for whoever is outside to send what they like. */
  async begin(): Promise<void> {
    const made = await newOperator(this.#request);
    this.#operator = made.operator;
    this.#cluster = made.cluster;
    this.#options = made.options;
    this.#vault = await OperatorsVault.start(made.operator, 8000);
    await made.operator.exec('ip', ['route', 'replace', '10.0.0.0/8', 'via', addresses.host.v4], 'wan');
  }

  async end(): Promise<void> {
    await this.#vault?.stop();
    await leave(this.#operator, this.name);
    if (this.#state !== undefined) await rm(this.#state, { recursive: true, force: true });
  }

  /** `socle init` with a database and a vault; a container gets what K3s needs of it, and a real host nothing. */
  async init(): Promise<void> {
    const { operator, name } = this;
    const about = ['--name', name, '--host', addresses.host.v4, '--database', 'shop'];
    const vault = ['--vault', this.#vault?.repository ?? ''];
    const { exitCode, answer } = await operator.socle(
      'init',
      ...about,
      ...vault,
      ...(k3s ? ['--with-cluster'] : []),
      '--yes',
    );
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    const file = join(operator.directory, 'platform.yaml');
    const document = parseDocument(await readFile(file, 'utf8'));
    if (k3s) {
      document.setIn(['cluster', 'mirror_sums'], this.#cluster.mirror_sums);
      if (operator.machine.driver === 'nspawn') {
        document.setIn(['cluster', 'k3s'], { config: k3sExceptions });
        document.setIn(['host', 'known_files'], k3sKnownFiles);
      }
    }
    await writeFile(file, document.toString());
    this.#state = statePaths(parsePlatform(document.toString(), file)).root;
    expect(await operator.socle('config', 'check')).toMatchObject({ exitCode: 0 });
  }

  /** `socle up` on this machine, however it ends. */
  tryUp(...more: string[]) {
    return this.operator.socle<Answer & { readonly error?: { readonly code: string } }>(
      'up',
      ...this.#options,
      ...more,
    );
  }

  async firstUp(annotate: Annotate): Promise<void> {
    const { operator } = this;
    const start = performance.now();
    const wait = ['--vpn-wait', `${10 * this.#patience}m`];
    const upping = answerOf<Answer>(operator.startSocle('up', ...this.#options, ...wait));
    const peerFile = join(operator.config, 'socle', this.name, 'peer-laptop.conf');
    const ended = upping.then((answer) => expect(existsSync(peerFile), JSON.stringify(answer)).toBe(true));
    await Promise.race([
      ended,
      until('the file of the first peer', () => existsSync(peerFile), 1_500 * this.#patience),
    ]);
    // Who is outside does reach the host: its silence later is the host's own.
    for (const url of sshInPublic) expect(await this.#curl(url, 'wan'), url).toMatch(/^SSH-2\.0-/);
    await operator.joinVpn(await readFile(peerFile, 'utf8'));
    const { exitCode, answer } = await upping;
    await annotate(`first run of everything: ${inSeconds(performance.now() - start)}; ${told(answer)}`);
    expect(exitCode, JSON.stringify(answer)).toBe(0);
    expect(answer).toMatchObject({ ssh: 'vpn', api, record: { status: 'done', failed: [] } });
    await this.#nobodyOutsideGets(sshInPublic);
    expect(await this.answers(addresses.host.v4)).toBe(false);
    expect(await this.answers(vpn)).toBe(true);
  }

  async nodeReady(): Promise<void> {
    expect(await this.#kubectl('get nodes --no-headers')).toMatch(/^\S+ +Ready /);
  }

  async servePod(): Promise<void> {
    await this.#kubectl('apply -f -', keptPod({ serviceAddress, nodePort }));
    await this.#kubectl(`-n try rollout status deployment/kept --timeout=${300 * this.#patience}s`);
    await this.#kubectl('-n try exec deploy/kept -- sh -c "echo still here > /data/index.html"');
    await until('the page is served', async () => (await this.#page()) === 'still here', 120 * this.#patience);
    const pod = await this.#kubectl('-n try get pod -l app=kept -o jsonpath={.items[0].status.podIP}');
    const public_ = inPublic.flatMap((address) => [`http://${address}:${nodePort}/`, `https://${address}:6443/`]);
    const inside = [`http://${serviceAddress}/`, `http://${pod}:8080/`, `https://${vpn}:6443/`];
    await this.#nobodyOutsideGets([...inside, ...public_]);
    expect(await this.#curl(`https://${vpn}:6443/`)).toContain('Unauthorized');
  }

  /** Everything is back, with its data, and SSH closed in public. */
  async rebootWithData(annotate: Annotate, reboot = () => this.operator.reboot(vpn, 600)): Promise<void> {
    const start = performance.now();
    const since = () => inSeconds(performance.now() - start);
    await reboot();
    await annotate(`reboot to SSH through the VPN: ${since()}`);
    await until('the API answers', () => this.#ready(), 300 * this.#patience);
    await annotate(`reboot to the API: ${since()}`);
    if (k3s) {
      const served = async () => (await this.#page()) === 'still here';
      await until('the page is served again', served, 600 * this.#patience);
      await annotate(`reboot to the page served: ${since()}`);
    }
    expect(await this.answers(addresses.host.v4)).toBe(false);
  }

  async nothingButSshInPublic(): Promise<void> {
    for (const url of sshInPublic) expect(await this.#curl(url, 'wan'), url).toMatch(/^SSH-2\.0-/);
    const ports = inPublic.flatMap((address) => [7410, 6443, nodePort].map((port) => `http://${address}:${port}/`));
    await this.#nobodyOutsideGets([`http://${serviceAddress}/`, `${api}/readyz`, ...ports]);
  }

  async apiThroughTunnelOnly(): Promise<void> {
    expect(await this.#ready()).toBe(true);
    const others = inPublic.map((address) => `http://${address}:7410/readyz`);
    await this.#nobodyOutsideGets([`${api}/readyz`, ...others]);
    for (const url of others) expect(await this.#curl(url), url).toBe('');
  }

  /** A PostgreSQL on the host, as docs/provisioning.md says it. */
  async backupAndDrill(annotate: Annotate): Promise<void> {
    if (this.operator.machine.driver === 'nspawn') await this.operator.uncoverProc(vpn);
    const must = (script: string, input?: string) => this.must(script, input);
    const version = await must('ls /usr/lib/postgresql');
    const configuration = `/etc/postgresql/${version}/main`;
    const psql = (sql: string, database: string) =>
      must(`runuser -u postgres -- psql -qXv ON_ERROR_STOP=1 -d ${database}`, sql);
    await must(`pg_createcluster --locale en_US.UTF-8 --start ${version} main`);
    await must('runuser -u postgres -- createdb shop');
    await psql('CREATE TABLE product AS SELECT id, md5(id::text) FROM generate_series(1, 5000) id;', 'shop');
    await must(`echo 'socle socle socle_backup' >> ${configuration}/pg_ident.conf`);
    await must(`sed -i '1i local all socle_backup peer map=socle' ${configuration}/pg_hba.conf`);
    await must('systemctl reload postgresql');
    await psql(await must('socle database grant shop'), 'shop');
    await must('socle database check shop');
    await must('socle vault init');
    const start = performance.now();
    await must('socle backup run --database shop');
    await annotate(`backup: ${inSeconds(performance.now() - start)}`);
    const drill: DrillReport = JSON.parse(await must('socle drill run --database shop --json'));
    await annotate(
      `drill: ${drill.verdict}, recovery time ${drill.recoveryTime?.ms} ms, data loss ${drill.dataLoss?.ms} ms, ${JSON.stringify(drill.timings)}`,
    );
    expect(drill).toMatchObject({ verdict: 'proven', recoveryTime: { met: true }, dataLoss: { met: true } });
    await must('socle backup verify');
  }

  /** A recovery kit, made and tried where the operator sits. */
  async kit(): Promise<void> {
    const login = await this.operator.login();
    for (const command of [
      ['create', '--to', 'kit', ...login],
      ['confirm', '--from', 'kit', ...login],
      ['status', ...login],
    ]) {
      const { exitCode, answer } = await this.operator.socle('kit', ...command);
      expect(exitCode, JSON.stringify(answer)).toBe(0);
    }
  }

  /** Runs in a row, of which all but the first change nothing and restart nothing. @returns what the first one did */
  async runsInARow(count: number, annotate: Annotate): Promise<Answer> {
    const { operator } = this;
    // It lets the spare peer of the kit in.
    const first = await up(operator, this.#options);
    await annotate(`run 1 of ${count}: ${first.text}`);
    const before = await this.#runningUnits();
    for (let run = 2; run <= count; run += 1) {
      await annotate(`run ${run} of ${count}: ${(await up(operator, this.#options)).text}`);
    }
    expect(await this.#runningUnits()).toBe(before);
    const login = await operator.login();
    const { answer: records } = await operator.socle<RunRecord[]>('runs', 'list', ...login);
    const last = records.filter(({ check, drift }) => !check && !drift).slice(0, count);
    const changes = last.map(({ changed }) => changed.length).reverse();
    await annotate(`changed, oldest first: ${changes.join(', ')}`);
    expect(last.map(({ status }) => status)).toEqual(Array(count).fill('done'));
    expect(last.slice(0, count - 1).map(({ changed }) => changed)).toEqual(Array(count - 1).fill([]));
    const { exitCode, answer: stats } = await operator.socle<Repeats>('runs', 'stats', '--last', `${count}`, ...login);
    await annotate(`${stats.unchanged} of ${stats.repeated} repeated runs changed nothing: rate ${stats.rate}`);
    expect(stats).toMatchObject({ rate: 1, unexpected: [] });
    expect(stats.consecutive).toBeGreaterThanOrEqual(count - 1);
    expect(exitCode).toBe(0);
    return first;
  }

  /** `socle verify` is green: every port was asked, and exactly these checks are skipped where there is a K3s. */
  async verify(skippedHere: readonly string[], annotate: Annotate): Promise<void> {
    const { operator } = this;
    const login = await operator.login();
    const compared = await operator.socle('drift', 'run', ...login);
    expect(compared.exitCode, JSON.stringify(compared.answer)).toBe(0);
    const { exitCode, answer } = await operator.socle<VerifyReport>('verify', ...login);
    const of = (...which: string[]) => answer.checks.filter(({ verdict }) => which.includes(verdict));
    await annotate(`verify: ${answer.seconds} s, ${JSON.stringify(answer.counts)}`);
    for (const { id, evidence } of of('warn')) await annotate(`warn: ${id}: ${evidence}`);
    expect(of('fail', 'unknown')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(answer).toMatchObject({ way: 'vpn', quick: false, compliant: true });
    const skipped = of('skip').filter(({ evidence }) => k3s || evidence !== 'the platform has no cluster');
    // Nothing answers at 443 in public.
    const expected = [...skippedHere, 'tls-certificate', 'tls-protocol'];
    expect(skipped.map(({ id }) => id).sort()).toEqual(expected.sort());
  }
}
