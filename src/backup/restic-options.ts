import { fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';

/**
 * `-o` arguments of a call. restic gives an option to both vaults of a copy, so that two values for one are refused.
 * @throws `usage`
 */
export function optionArguments(
  options: Readonly<Record<string, string>>,
  from: Readonly<Record<string, string>> = {},
): string[] {
  for (const [name, value] of Object.entries(from)) {
    if (options[name] !== undefined && options[name] !== value) {
      throw fail('usage', `the two vaults have different values of the option ${name}, and restic knows only one`, {
        option: name,
        next: 'give both vaults the same value; for SFTP, put what differs into ~/.ssh/config under two host names',
      });
    }
  }
  return Object.entries({ ...from, ...options }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/**
 * restic 0.14 (Debian 12) does not know `sftp.args`, only a whole `sftp.command`: made here of the same parts that
 * restic uses.
 */
export function withoutSftpArguments(
  options: Readonly<Record<string, string>>,
  repository: string,
): Readonly<Record<string, string>> {
  const { 'sftp.args': args, ...others } = options;
  if (args === undefined || others['sftp.command'] !== undefined) return others;
  const url = /^sftp:\/\/(?:([^@/]+)@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?\//.exec(repository);
  const short = /^sftp:(?:([^@/:]+)@)?(\[[^\]]+\]|[^:/]+):/.exec(repository);
  const [, user, host, port] = url ?? short ?? [];
  if (host === undefined) return others;
  const parts = [
    'ssh',
    host.replace(/^\[|\]$/g, ''),
    ...(port ? ['-p', port] : []),
    ...(user ? ['-l', user] : []),
    args,
  ];
  return { ...others, 'sftp.command': [...parts, '-s', 'sftp'].join(' ') };
}

/** Put into the location of a REST server, see `readRepository`. */
const inLocation = ['RESTIC_REST_USERNAME', 'RESTIC_REST_PASSWORD'];

/**
 * Variables for restic's environment. A copy has one environment for both vaults, so that two values of a variable are
 * refused.
 * @throws `usage`
 */
export function variables(
  environment: ReadonlyMap<string, Secret>,
  from: ReadonlyMap<string, Secret> = new Map(),
): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [name, value] of [...from, ...environment]) {
    if (inLocation.includes(name)) continue;
    if (all[name] !== undefined && all[name] !== value.reveal()) {
      throw fail('usage', `the two vaults have different values of ${name}, and restic knows only one`, {
        variable: name,
        next: 'use the same account for both vaults, or reach one of them through SFTP, REST or rclone',
      });
    }
    all[name] = value.reveal();
  }
  return all;
}
