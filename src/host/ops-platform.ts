import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { stringify } from 'yaml';
import { fail } from '../kernel/errors.ts';
import type { SecretSource } from '../kernel/secret.ts';
import { loadDocument, parsePlatform } from '../platform/load.ts';
import { absolutePaths, hostFile, hostSecrets } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';

/** The home and, unless the platform file says otherwise, the state directory of the daemon on a host. */
export const daemonHome = '/var/lib/socle/daemon';

/** A secret of this machine that the host gets: the first line of a file or of what a command prints, or a whole file. */
export interface SentSecret {
  /** Its name in /etc/socle/secrets: where it stands in the platform file. */
  readonly name: string;
  readonly source: SecretSource | { readonly whole: string };
}

/** The platform file of the daemon, and what belongs to it. */
export interface HostPlatform {
  readonly text: string;
  readonly sent: readonly SentSecret[];
  /** Names in /etc/socle/secrets that somebody has to have put there. */
  readonly own: readonly string[];
  /** Directories that the daemon owns. */
  readonly directories: readonly string[];
  /** Those of them that are vaults. */
  readonly vaults: readonly string[];
  /** One of them. */
  readonly state: string;
  /** Name of the password of `ops.notify.mail`; null without one. */
  readonly mailPassword: string | null;
  readonly port: number;
  readonly address: string;
}

/** Those that secrets stand in. */
const sections = ['databases', 'backup', 'ops'];

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What a platform file, merged with its base, becomes on the host (docs/adr/0023): a secret's file below
 * /etc/socle/secrets is the host's own and stays; any other file, and every command, is of this machine, and the host
 * gets its value.
 * @param here the directory that relative paths start at on this machine
 * @throws `usage` when two different secrets would have one name
 */
export function planHostPlatform(document: Mapping, platform: Platform, here: string): HostPlatform {
  const sent = new Map<string, SentSecret>();
  const own = new Set<string>();
  const place = (name: string, source: SentSecret['source']) => {
    sent.set(name, { name, source });
    return `${hostSecrets}/${name}`;
  };
  const moved = (file: string, name: string, source: (path: string) => SentSecret['source']): string => {
    const path = resolve(here, file);
    if (isAbsolute(file) && dirname(path) === hostSecrets) {
      own.add(basename(path));
      return path;
    }
    return place(name, source(path));
  };
  const walk = (value: unknown, path: readonly string[]): unknown => {
    const name = path.join('.');
    if (Array.isArray(value)) {
      return value.map((one, index) =>
        walk(one, [...path, isMapping(one) ? String(one.name ?? index) : String(index)]),
      );
    }
    if (typeof value === 'string' && path.at(-2) === 'options') {
      for (const [, found = ''] of value.matchAll(/\/etc\/socle\/secrets\/([\w.@-]+)/g)) own.add(found);
      return value;
    }
    if (typeof value === 'string' && path.at(-2) === 'tls' && ['ca', 'cert', 'key'].includes(path.at(-1) ?? '')) {
      return value.startsWith('/etc/ssl/') ? value : moved(value, name, (whole) => ({ whole }));
    }
    if (!isMapping(value)) return value;
    const keys = Object.keys(value).join();
    if (keys === 'file' && typeof value.file === 'string')
      return { file: moved(value.file, name, (file) => ({ file })) };
    if (keys === 'command' && Array.isArray(value.command)) {
      return { file: place(name, { command: value.command.map(String) }) };
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, [...path, key])]));
  };
  const { base: _, ...rest } = document;
  const ops = isMapping(rest.ops) ? rest.ops : {};
  const listen = { host: privateAddress(platform.vpn), ...(isMapping(ops.listen) ? ops.listen : {}) };
  const written = { ...rest, ops: { state: daemonHome, ...ops, listen } };
  const walked = Object.fromEntries(
    Object.entries(written).map(([key, value]) => [key, sections.includes(key) ? walk(value, [key]) : value]),
  );
  const twice = [...own].find((name) => sent.has(name));
  if (twice)
    throw fail('usage', `two secrets of the host would be called ${twice}: one of ${hostSecrets}, and one sent`);
  return {
    text: `# Written by Socle: \`socle up\` replaces it.\n${stringify(walked)}`,
    sent: [...sent.values()],
    own: [...own].sort(),
    directories: [...new Set([...directoriesOf(written, platform), ...vaultsOf(written)])].sort(),
    vaults: vaultsOf(written),
    state: resolve(dirname(hostFile), String(written.ops.state)),
    mailPassword: passwordOf(walked),
    port: platform.ops.listen.port,
    address: String(listen.host),
  };
}

/** The platform as its host reads it, with the paths that hold there. @param file the platform file of this machine */
export async function platformOfHost(platform: Platform, file: string): Promise<Platform> {
  const { text } = planHostPlatform(await loadDocument(file), platform, dirname(resolve(file)));
  return absolutePaths(parsePlatform(text, hostFile), hostFile);
}

/** Relative paths start at the file, there as here. */
const at = (path: unknown) => (typeof path === 'string' ? [resolve(dirname(hostFile), path)] : []);

/** State and scratch. */
function directoriesOf({ ops, drill }: Mapping, { drill: planned }: Platform): string[] {
  const state = isMapping(ops) ? at(ops.state) : [];
  const scratch = planned.scratch === undefined ? [] : at(isMapping(drill) ? drill.scratch : undefined);
  return [daemonHome, ...state, ...scratch];
}

/** Vaults that are directories of the host. */
function vaultsOf({ backup }: Mapping): string[] {
  return ['vault', 'copy'].flatMap((key) => {
    const vault = isMapping(backup) ? backup[key] : undefined;
    const repository = isMapping(vault) ? String(vault.repository) : '';
    return repository === '' || /^(?!local:)[a-z0-9]+:/.test(repository) ? [] : at(repository.replace(/^local:/, ''));
  });
}

function passwordOf(document: Mapping): string | null {
  const file = ['ops', 'notify', 'mail', 'password', 'file'].reduce<unknown>(
    (value, key) => (isMapping(value) ? value[key] : undefined),
    document,
  );
  return typeof file === 'string' ? basename(file) : null;
}
