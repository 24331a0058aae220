import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deviation } from '../../src/host/drift-report.ts';
import { type RunResult, run, type StartedProcess, start } from '../../src/kernel/process.ts';
import { program as socle } from '../../src/kernel/program.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { socleLogin, sshCommand } from '../../src/sandbox/ssh.ts';
import { directoryOf, type MachineRecord } from '../../src/sandbox/store.ts';
import { until } from './until.ts';

const anyCode = Array.from({ length: 256 }, (_, code) => code);

/** What the verbs used here print, as far as tests look into it. */
export interface SocleDocument {
  readonly config: string;
  readonly file: string;
  readonly ssh: string | null;
  readonly sent: readonly string[];
  readonly api: string | null;
  readonly peerFiles: readonly string[];
  readonly record: {
    readonly key: string;
    readonly changed: readonly { readonly task: string }[];
    readonly deviations: readonly Deviation[];
    readonly roles: Readonly<Record<string, number>>;
  };
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
  /** Where the command line keeps what it remembers of platforms. */
  readonly config: string;
  /** How many times longer than on an ordinary machine something may take here: emulated, all of it does. */
  readonly patience: number;
  #tunnel: StartedProcess | undefined;

  constructor(machine: MachineRecord, directory: string) {
    this.machine = machine;
    this.directory = directory;
    this.key = join(directoryOf(machine.name), 'operator-key');
    this.config = join(directory, '.config');
    this.patience = machine.driver === 'qemu' ? 8 : 1;
  }

  #inside(where: 'operator' | 'host' | 'wan'): string[] {
    return [`--net=/proc/${this.machine.namespaces[where]}/ns/net`, '--'];
  }

  exec(file: string, args: readonly string[], where: 'operator' | 'host' | 'wan' = 'operator'): Promise<RunResult> {
    return run('nsenter', [...this.#inside(where), file, ...args], { accept: anyCode, cwd: this.directory });
  }

  /** The login of the machine's user, with the host key that it really has. */
  login(): Promise<string[]> {
    return socleLogin(this.machine);
  }

  startSocle(...args: string[]): StartedProcess {
    const env = { XDG_CONFIG_HOME: this.config, XDG_CACHE_HOME: join(this.directory, '.cache') };
    return start('nsenter', [...this.#inside('operator'), socle, ...args, '--json'], { cwd: this.directory, env });
  }

  socle<T = SocleDocument>(...args: string[]): Promise<SocleAnswer<T>> {
    return answerOf<T>(this.startSocle(...args));
  }

  /** As root on the machine, by the way given. */
  async on(
    command: string,
    address: string = addresses.host.v4,
    timeout = 120_000,
    input?: string,
  ): Promise<RunResult> {
    const [file, ...args] = sshCommand(this.machine, [`sudo sh -c '${command.replaceAll("'", `'\\''`)}'`]);
    const words = args.map((word) => (word.startsWith('debian@') ? `debian@${address}` : word));
    const options = { accept: anyCode, ...(input === undefined ? {} : { input }) };
    return run('timeout', [String(timeout / 1_000), file, ...words], options);
  }

  /**
   * Lets scratch servers of drills mount a /proc, until the next boot. A real host needs neither: here /proc is covered and
   * /proc/sys read-only, so that nobody may mount another one.
   */
  async uncoverProc(address: string): Promise<void> {
    await this.on('mkdir -p /mnt/proc && mount -t proc proc /mnt/proc && mount -o remount,rw,bind /proc/sys', address);
  }

  /** Brings the VPN up with a peer's file, as wg-quick would: the kernel of the tests may have no WireGuard. */
  async joinVpn(config: string): Promise<void> {
    const value = (key: string) => new RegExp(`^${key} = (.*)$`, 'm').exec(config)?.[1] ?? '';
    // The control sockets of all namespaces share one directory.
    const tunnel = `wg${this.machine.namespaces.operator}`;
    this.#tunnel = start('nsenter', [...this.#inside('operator'), 'wireguard-go', '--foreground', tunnel]);
    await until('the tunnel of the operator', async () => (await this.exec('wg', ['show', tunnel])).exitCode === 0);
    const plain = config.split('\n').filter((line) => !line.startsWith('Address') && !line.startsWith('#'));
    const file = join(this.directory, 'setconf');
    await writeFile(file, plain.join('\n'), { mode: 0o600 });
    await this.exec('wg', ['setconf', tunnel, file]);
    await this.exec('ip', ['address', 'add', value('Address'), 'dev', tunnel]);
    await this.exec('ip', ['link', 'set', tunnel, 'mtu', '1420', 'up']);
    for (const network of value('AllowedIPs').split(', ')) {
      await this.exec('ip', ['route', 'add', network, 'dev', tunnel]);
    }
  }

  async leaveVpn(): Promise<void> {
    this.#tunnel?.kill('SIGTERM');
    await this.#tunnel?.ended;
  }

  /** The requests of all runs that the host has on record, oldest first, by the file system of the machine. */
  #runs(): string[] {
    const runs = join(directoryOf(this.machine.name), 'upper/var/lib/socle/runs');
    const files = existsSync(runs) ? readdirSync(runs).filter((file) => file.endsWith('.request.json')) : [];
    return files.sort().map((file) => join(runs, file));
  }

  runsStarted(): number {
    return this.#runs().length;
  }

  /** How many tasks of the newest run have ended. */
  tasksDone(): number {
    const events = this.#runs().at(-1)?.replace('.request.json', '.jsonl') ?? '';
    return existsSync(events) ? readFileSync(events, 'utf8').split('"event": "result"').length - 1 : 0;
  }

  /** Reboots the machine, by this command, and waits until it answers again, which may be another way. */
  async reboot(address: string, seconds = 240, command = 'systemctl reboot', after = address): Promise<void> {
    // A machine that shares our kernel has its boot id; on a kernel of its own, process 1 always starts at once.
    const thisBoot = 'cat /proc/sys/kernel/random/boot_id; cut -d" " -f22 /proc/1/stat';
    const start = (at: string) => this.on(thisBoot, at, 20_000 * this.patience);
    const before = (await start(address)).stdout;
    const { exitCode, stderr } = await this.on(command, address, seconds * 1_000 * this.patience);
    // Refused; a connection that the reboot closes ends in other ways.
    if (exitCode === 1) throw new Error(`no reboot: ${stderr}`);
    await until(
      'the machine is back',
      async () => {
        const { exitCode, stdout } = await start(after);
        return exitCode === 0 && stdout !== before;
      },
      seconds * this.patience,
    );
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
