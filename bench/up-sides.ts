import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Artifact, resolveArtifacts } from '../src/cluster/mirror.ts';
import type { UpResult } from '../src/host/up.ts';
import { run, start } from '../src/kernel/process.ts';
import { program } from '../src/kernel/program.ts';
import { shellWord } from '../src/kernel/shell.ts';
import { platformSchema } from '../src/platform/schema.ts';
import { bound } from '../src/sandbox/bound.ts';
import { k3sExceptions } from '../src/sandbox/kubernetes.ts';
import { addresses } from '../src/sandbox/names.ts';
import { inside } from '../src/sandbox/network.ts';
import { socleLogin, sshCommand } from '../src/sandbox/ssh.ts';
import type { MachineRecord } from '../src/sandbox/store.ts';
import { told } from './machine.ts';
import { packagesOf } from './roles.ts';
import { answerOf } from './site.ts';

/** What a side works with. */
export interface Bare {
  /** A fresh Debian. */
  readonly machine: MachineRecord;
  readonly mirror: Mirror;
  /** Of the operator; not there yet. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** What both sides get K3s from. */
export interface Mirror {
  readonly directory: string;
  readonly artifacts: readonly Artifact[];
  /** SHA-256 of its own list of checksums; without one those of the official release count. */
  readonly sums: string | undefined;
}

/** Times in milliseconds. */
export interface Ours {
  readonly total: number;
  readonly result: UpResult;
  /** Those packages of its roles that the host has now: what they install depends on it. */
  readonly packages: readonly string[];
  /** What else it asked apt for. */
  readonly besides: readonly string[];
}

/** Times in milliseconds. */
export interface Theirs {
  readonly total: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** @throws `checksum-mismatch`, `mirror-incomplete` */
export async function openMirror(directory: string): Promise<Mirror> {
  const list = join(directory, 'SHA256SUMS');
  const sums = existsSync(list)
    ? createHash('sha256')
        .update(await readFile(list))
        .digest('hex')
    : undefined;
  return { directory, sums, artifacts: await resolveArtifacts({ named: directory, sums }) };
}

/** A whole `socle up`. Nobody is waited for: SSH stays open in public, as the platform file says. */
export async function socleUp({ machine, mirror, directory, signal }: Bare): Promise<Ours> {
  await mkdir(directory, { mode: 0o700 });
  await writeFile(join(directory, 'vault-password'), 'a password for measurements\n', { mode: 0o600 });
  const platform = {
    name: machine.name,
    environment: 'dev',
    host: { address: addresses.host.v4 },
    firewall: { ssh: 'public' },
    cluster: { k3s: { config: k3sExceptions }, ...(mirror.sums === undefined ? {} : { mirror_sums: mirror.sums }) },
    databases: [{ name: 'shop', connection: { database: 'shop' } }],
    backup: { vault: { repository: '/srv/vault', password: { file: 'vault-password' } } },
  };
  platformSchema.parse(platform);
  const file = join(directory, 'platform.yaml');
  await writeFile(file, stringify(platform));
  const args = ['up', ...(await socleLogin(machine)), '--mirror', mirror.directory, '--json', '--config', file];
  const [command, ...rest] = inside(machine.namespaces.operator, program, ...args);
  const env = { XDG_CONFIG_HOME: join(directory, 'config'), XDG_CACHE_HOME: join(directory, 'cache') };
  const before = new Set(await asked(machine, signal));
  const began = performance.now();
  const result = await answerOf<UpResult>(start(command, rest, { signal, cwd: directory, env }), 'up');
  const total = performance.now() - began;
  const named = words(await packagesOf(Object.keys(result.record.roles)));
  const query = `dpkg-query -W -f '\${db:Status-Status} \${Package}\\n' ${named} 2>/dev/null || true`;
  const packages = [...(await told(machine, query, signal)).matchAll(/^installed (\S+)$/gm)].map(([, one = '']) => one);
  const besides = (await asked(machine, signal)).filter((one) => !before.has(one) && !packages.includes(one));
  return { total, result, packages, besides };
}

/** The packages that somebody asked for, by apt-mark(8). */
const asked = async (machine: MachineRecord, signal: AbortSignal) =>
  (await told(machine, 'apt-mark showmanual', signal)).split('\n');

/** The same by hand: K3s copied to the host, then `up.sh` on it. */
export async function byHand(
  { machine, mirror, directory, signal }: Bare,
  packages: readonly string[],
): Promise<Theirs> {
  await mkdir(directory, { mode: 0o700 });
  const config = {
    disable: ['traefik', 'servicelb', 'metrics-server'],
    'disable-helm-controller': true,
    ...Object.fromEntries(Object.entries(k3sExceptions).map(([key, value]) => [key.replace(/\+$/, ''), value])),
  };
  await writeFile(join(directory, 'config.yaml'), stringify(config));
  const ssh = (command: string) => words(bound(...sshCommand(machine, [command])).flat());
  const bash = async (line: string) => (await run('bash', ['-euo', 'pipefail', '-c', line], { signal })).stdout;
  const files = words(mirror.artifacts.map(({ name }) => name));
  const from = `-C ${shellWord(directory)} config.yaml -C ${shellWord(mirror.directory)} ${files}`;
  const script = shellWord(new URL('up.sh', import.meta.url).pathname);
  const began = performance.now();
  await bash(`tar -hcf - ${from} | ${ssh('mkdir k3s && tar -xf - -C k3s')}`);
  const copy = performance.now() - began;
  const printed = await bash(`${ssh(`cd k3s && sudo bash -s -- ${words(packages)}`)} < ${script}`);
  const total = performance.now() - began;
  const parts = [...printed.matchAll(/^(\w+) (\d+)$/gm)].map(([, part = '', ms]) => [part, Number(ms)]);
  return { total, parts: { copy, ...Object.fromEntries(parts) } };
}

const words = (list: readonly string[]) => list.map(shellWord).join(' ');
