import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunResult, run, type StartedProcess, start } from '../../src/kernel/process.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { sshCommand } from '../../src/sandbox/ssh.ts';
import { directoryOf, type MachineRecord } from '../../src/sandbox/store.ts';
import { until } from './until.ts';

const socle = fileURLToPath(new URL('../../bin/socle', import.meta.url));
const anyCode = Array.from({ length: 256 }, (_, code) => code);

/** What the verbs used here print, as far as tests look into it. */
export interface SocleDocument {
  readonly config: string;
  readonly record: { readonly key: string };
}

export interface SocleAnswer<T = SocleDocument> {
  readonly exitCode: number;

  readonly answer: T;
}

/** The operator of a throw-away machine: the command line and other programs, run where the operator sits. */
export class Operator {
  readonly machine: MachineRecord;
  readonly directory: string;
  readonly key: string;
  #tunnel: StartedProcess | undefined;

  constructor(machine: MachineRecord, directory: string) {
    this.machine = machine;
    this.directory = directory;
    this.key = join(directoryOf(machine.name), 'operator-key');
  }

  get #inside(): string[] {
    return [`--net=/proc/${this.machine.namespaces.operator}/ns/net`, '--'];
  }

  exec(file: string, args: readonly string[]): Promise<RunResult> {
    return run('nsenter', [...this.#inside, file, ...args], { accept: anyCode, cwd: this.directory });
  }

  startSocle(...args: string[]): StartedProcess {
    const env = { XDG_CONFIG_HOME: join(this.directory, '.config') };
    return start('nsenter', [...this.#inside, socle, ...args, '--json'], { cwd: this.directory, env });
  }

  socle<T = SocleDocument>(...args: string[]): Promise<SocleAnswer<T>> {
    return answerOf<T>(this.startSocle(...args));
  }

  /** As root on the machine, by the way given. */
  async on(command: string, address: string = addresses.host.v4, timeout = 120_000): Promise<RunResult> {
    const [file, ...args] = sshCommand(this.machine, [`sudo sh -c '${command.replaceAll("'", `'\\''`)}'`]);
    const words = args.map((word) => (word.startsWith('debian@') ? `debian@${address}` : word));
    return run('timeout', [String(timeout / 1_000), file, ...words], { accept: anyCode });
  }

  /** Brings the VPN up with a peer's file, as wg-quick would: the kernel of the tests may have no WireGuard. */
  async joinVpn(config: string): Promise<void> {
    // The control sockets of all namespaces share one directory.
    const tunnel = `wg${this.machine.namespaces.operator}`;
    this.#tunnel = start('nsenter', [...this.#inside, 'wireguard-go', '--foreground', tunnel]);
    await until('the tunnel of the operator', async () => (await this.exec('wg', ['show', tunnel])).exitCode === 0);
    const plain = config.split('\n').filter((line) => !line.startsWith('Address') && !line.startsWith('#'));
    const file = join(this.directory, 'setconf');
    await writeFile(file, plain.join('\n'), { mode: 0o600 });
    await this.exec('wg', ['setconf', tunnel, file]);
    await this.exec('ip', ['address', 'add', '10.8.0.2/32', 'dev', tunnel]);
    await this.exec('ip', ['link', 'set', tunnel, 'mtu', '1420', 'up']);
    for (const network of ['10.8.0.0/24', '10.43.0.0/16']) {
      await this.exec('ip', ['route', 'add', network, 'dev', tunnel]);
    }
  }

  async leaveVpn(): Promise<void> {
    this.#tunnel?.kill('SIGTERM');
    await this.#tunnel?.ended;
  }
}

export async function answerOf<T = SocleDocument>(child: StartedProcess): Promise<SocleAnswer<T>> {
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr?.resume();
  const { exitCode } = await child.ended;
  return { exitCode, answer: JSON.parse(text) as T };
}

/** The process whose command line holds all of these texts. */
export async function processWith(...texts: readonly string[]): Promise<number | undefined> {
  const { stdout } = await run('ps', ['-eww', '-o', 'pid=,args=']);
  const line = stdout.split('\n').find((one) => texts.every((text) => one.includes(text)));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}
