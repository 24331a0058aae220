import { homedir, userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Platform } from './schema.ts';

/** Where Socle keeps its own state. Absolute paths; nothing is created here. */
export interface StatePaths {
  readonly root: string;
  /** SQLite: catalog, drills, operations. */
  readonly database: string;
  /** restic's cache. */
  readonly cache: string;
  /** Scratch servers of drills. */
  readonly scratch: string;
}

/**
 * `/var/lib/socle` for root; for a user `$XDG_STATE_HOME/socle` or `~/.local/state/socle`. A platform with a `host` has
 * `platforms/NAME` below it: one person looks after several from one machine. `ops.state` wins.
 */
export function statePaths(
  platform: Pick<Platform, 'name' | 'host' | 'ops' | 'drill'>,
  env: NodeJS.ProcessEnv = process.env,
): StatePaths {
  const own = platform.host === undefined ? '' : join('platforms', platform.name);
  const root = resolve(platform.ops.state ?? join(defaultRoot(env), own));
  return {
    root,
    database: join(root, 'socle.db'),
    cache: join(root, 'cache'),
    scratch: resolve(platform.drill.scratch ?? join(root, 'scratch')),
  };
}

function defaultRoot(env: NodeJS.ProcessEnv): string {
  if (userInfo().uid === 0) return '/var/lib/socle';
  const base = env.XDG_STATE_HOME;
  return base && isAbsolute(base) ? join(base, 'socle') : join(homedir(), '.local/state/socle');
}

/** A platform whose file names are relative to the platform file, made absolute. Programs in `command` stay as written. */
export function absolutePaths(platform: Platform, file: string): Platform {
  const path = (text: string) => resolve(dirname(file), text);
  const repository = (text: string) => (/^(?!local:)[a-z0-9]+:/.test(text) ? text : path(text.replace(/^local:/, '')));
  const fileKeys = new Set(['file', 'ca', 'cert', 'key', 'state', 'scratch']);
  const walk = (value: unknown, key?: string): unknown => {
    if (typeof value === 'string' && key === 'repository') return repository(value);
    if (typeof value === 'string' && key !== undefined && fileKeys.has(key)) return path(value);
    if (Array.isArray(value)) return value.map((item) => walk(item));
    if (typeof value !== 'object' || value === null || key === 'options') return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, name)]));
  };
  return walk(platform) as Platform;
}

/** Where a host has its platform file. */
export const hostFile = '/etc/socle/platform.yaml';

/** Where a host keeps secrets: files of mode 0600 that only root reads. */
export const hostSecrets = '/etc/socle/secrets';

/**
 * An unprivileged service gets the host's secrets as credentials of its unit (systemd.exec(5), LoadCredential=): a path
 * of theirs leads there. Without `$CREDENTIALS_DIRECTORY` nothing changes.
 */
export function withOwnSecrets(platform: Platform, env: NodeJS.ProcessEnv = process.env): Platform {
  const { CREDENTIALS_DIRECTORY: directory } = env;
  if (!directory) return platform;
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replaceAll(`${hostSecrets}/`, `${directory}/`);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item)]));
  };
  return walk(platform) as Platform;
}
