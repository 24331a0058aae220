import { dirname } from 'node:path';
import type { ScratchUser } from './scratch-user.ts';

/** Paths inside the sandbox: short, since the path of a socket may have 107 bytes at most (unix(7)). */
export const inside = { data: '/scratch/data', socket: '/scratch/run' } as const;

export interface SandboxLimits {
  /** Bytes of private memory of one process; the sum is watched from outside. */
  readonly memory: number;
  /** Bytes of one file. */
  readonly file: number;
  /** How many processes and threads the user may have. */
  readonly processes: number;
}

export interface SandboxPlan {
  /** Drop to this user inside (we are root); null: a user namespace with the caller's own user. */
  readonly become: ScratchUser | null;
  /** Host paths to be seen: `from` on the host is `to` inside. */
  readonly writable: readonly { readonly from: string; readonly to: string }[];
  readonly readable: readonly { readonly from: string; readonly to: string }[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  /** Descriptor, inherited by the command, of a filter of system calls. */
  readonly filter: number | null;
}

/** Files of the host that programs in /usr read, and that tell nothing about the host. */
const systemFiles = ['/etc/ld.so.cache', '/etc/ssl/openssl.cnf', '/var/cache/postgresql'] as const;

/**
 * The command that runs `command` where it sees PostgreSQL's programs, its own directories and nothing else: no
 * network, no other process, no file of the host, no capability, and the lowest priorities. It dies with us.
 * Sources: bwrap(1), setpriv(1), prlimit(1).
 */
export function sandboxCommand(plan: SandboxPlan, command: readonly string[]): string[] {
  const { become, limits } = plan;
  const megabyte = 1024 * 1024;
  return [
    ...['nice', '-n', '19', 'ionice', '-t', '-c', '3', 'choom', '-n', '1000', '--', 'bwrap'],
    ...['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(become === null ? ['--unshare-user', '--disable-userns'] : []),
    ...['--hostname', 'scratch', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...(become === null ? [] : ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((name) => ['--cap-add', name])),
    '--clearenv',
    ...Object.entries(plan.env).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--ro-bind', '/usr', '/usr'],
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
    ...['--perms', '0755', '--dir', '/etc'],
    ...systemFiles.flatMap((file) => [...parents(file), '--ro-bind-try', file, file]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--perms', '1777', '--size', String(Math.max(64 * megabyte, limits.memory / 4)), '--tmpfs', '/dev/shm'],
    ...['--perms', '1777', '--size', String(64 * megabyte), '--tmpfs', '/tmp'],
    ...plan.readable.flatMap(({ from, to }) => [...parents(to), '--ro-bind', from, to]),
    ...plan.writable.flatMap(({ from, to }) => [...parents(to), '--bind', from, to]),
    ...(plan.filter === null ? [] : ['--seccomp', String(plan.filter)]),
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', '/tmp', '--'],
    ...[
      'prlimit',
      '--core=0',
      `--nproc=${limits.processes}`,
      `--data=${limits.memory}`,
      `--fsize=${limits.file}`,
      '--',
    ],
    ...['setpriv', '--no-new-privs', '--inh-caps=-all', ...becoming(become), '--'],
    ...command,
  ];
}

function becoming(user: ScratchUser | null): string[] {
  if (user === null) return [];
  return [
    ...['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'],
    ...['--bounding-set=-all', '--ambient-caps=-all'],
  ];
}

/** Directories above a mount point, which bwrap would make for its own user alone. */
function parents(path: string): string[] {
  const above: string[] = [];
  for (let directory = dirname(path); directory !== '/'; directory = dirname(directory)) above.unshift(directory);
  return above
    .filter((directory) => directory !== '/etc' && directory !== '/tmp')
    .flatMap((directory) => ['--perms', '0755', '--dir', directory]);
}
