import { basename } from 'node:path';
import { withoutSftpArguments } from '../backup/restic-options.ts';
import type { DatabaseConfig, VaultConfig } from '../platform/schema.ts';
import { kitPlace } from './schema.ts';

/** A file for the kit: the content of one of the machine that backs up, by its path there. */
export interface NeededFile {
  /** In the kit. */
  readonly name: string;
  readonly from: string;
}

/** What a vault needs besides its password. */
export interface VaultNeeds {
  /** For restic, with the kit's own files in them. */
  readonly options: Readonly<Record<string, string>>;
  readonly paths: Readonly<Record<string, string>>;
  readonly files: readonly NeededFile[];
}

/** An absolute path among other words. Quotes, `=` and commas end one. */
const absolute = /(?<![^\s"'=,])\/[^\s"'=,]+/g;

/** Programs and devices are on every machine. */
const everywhere = /^\/(usr|bin|sbin|lib|dev|proc)(\/|$)/;

/** Paths of files of one machine in a value of restic's options or environment. */
export const pathsIn = (value: string): string[] =>
  [...value.matchAll(absolute)].map(([path]) => path).filter((path) => !everywhere.test(path));

/** Nothing of the user who runs it: no configuration, no agent, no key but those named. */
const alone = 'ssh -F none -o IdentityAgent=none -o IdentitiesOnly=yes -o BatchMode=yes';

/**
 * Options and variables of a vault for a kit: files that they name come along, and are named by their place in it. What
 * `sftp` gets is a whole command, which restic 0.14 knows as well.
 * @param number of the vault, from 1
 * @param variables values of the vault's environment, by name
 * @param there paths of files that are there
 */
export function planVaultNeeds(
  number: number,
  { repository, options }: Pick<VaultConfig, 'repository' | 'options'>,
  variables: ReadonlyMap<string, string>,
  there: ReadonlySet<string>,
): VaultNeeds {
  const files = new Map<string, string>();
  const place = (path: string): string => {
    const taken = new Set([...files].filter(([other]) => other !== path).map(([, name]) => name));
    let name = `vault-${number}.${basename(path)}`;
    for (let twin = 2; taken.has(name); twin += 1) name = `vault-${number}.${twin}.${basename(path)}`;
    files.set(path, name);
    return name;
  };
  const whole = repository.startsWith('sftp:')
    ? withoutSftpArguments({ 'sftp.args': '', ...options }, repository)
    : options;
  const rewritten = Object.entries(whole).map(([name, value]): [string, string] => {
    const inKit = value.replace(absolute, (path) => (there.has(path) ? `${kitPlace}/${place(path)}` : path));
    return [name, name === 'sftp.command' ? inKit.replace(/^ssh(?= )/, alone) : inKit];
  });
  const paths = [...variables].flatMap(([name, value]) => (there.has(value) ? [[name, place(value)] as const] : []));
  return {
    options: Object.fromEntries(rewritten),
    paths: Object.fromEntries(paths),
    files: [...files].map(([from, name]) => ({ name, from })),
  };
}

/** Certificates of databases, as files of the machine that backs up. */
export function databaseFiles(databases: readonly DatabaseConfig[]): NeededFile[] {
  return databases.flatMap(({ name, connection: { tls } }) =>
    (['ca', 'cert', 'key'] as const).flatMap((part) => {
      const from = tls[part];
      return from === undefined ? [] : [{ name: `database-${name}.tls.${part}`, from }];
    }),
  );
}
