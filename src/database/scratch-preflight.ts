import type { FailureCode } from '../kernel/errors.ts';
import { formatSize } from '../kernel/units.ts';
import type { Inventory } from './inventory-schema.ts';
import type { ServerFiles } from './scratch-sight.ts';
import type { ScratchLimits } from './scratch-watch.ts';

/** What a machine offers to a scratch server of one major version. */
export interface HostFacts {
  /** Null when the server programs of this major version are not installed. */
  readonly serverVersion: string | null;
  readonly icu: boolean;
  /** Locales of the C library, as `normalizeLocale` spells them. */
  readonly locales: ReadonlySet<string>;
  /** Names of the libraries that the server can load, without `.so`. */
  readonly libraries: ReadonlySet<string>;
  /** Extensions by name: the default version, and every version that can be created. */
  readonly extensions: ReadonlyMap<string, { readonly defaultVersion: string; readonly versions: ReadonlySet<string> }>;
  /** Where the server's files are; null without them. */
  readonly files: ServerFiles | null;
  /** Paths outside of /usr that the server reads here, for its sandbox. */
  readonly sight: readonly string[];
  /** Bytes. */
  readonly freeDisk: number;
  readonly availableMemory: number;
}

/** Why a backup cannot be restored on this machine; none of them says anything about the backup. */
export interface PreflightProblem {
  readonly code: FailureCode;
  readonly message: string;
  readonly next: string;
}

export interface Preflight {
  readonly problems: readonly PreflightProblem[];
  /** Differences that do not prevent a restore and that the reader should know. */
  readonly notes: readonly string[];
}

/** A scratch server with its caches, and what a restore needs on top. */
const leastMemory = 256 * 2 ** 20;
/** An empty cluster with its first WAL segments. */
const emptyCluster = 64 * 2 ** 20;
/** PostgreSQL's default `max_wal_size`. */
const mostWal = 2 ** 30;

/** `fr_FR.UTF-8` and `fr_FR.utf8` are one locale for the C library: it ignores case and punctuation of the code set. */
export function normalizeLocale(name: string): string {
  const [base = '', codeset] = name.split('.');
  return codeset === undefined ? base : `${base}.${codeset.toLowerCase().replace(/[^a-z0-9@]/g, '')}`;
}

/** Bytes of disk that a restore needs: the archive, the database, and the log of writing it. */
export function diskNeeded(archiveBytes: number, databaseBytes: number): number {
  return archiveBytes + databaseBytes + Math.min(databaseBytes, mostWal) + emptyCluster;
}

/** Whether this machine can restore a database like that; asked before each drill, and at backup time as a warning. */
export function preflightRestore(
  inventory: Inventory,
  archiveBytes: number,
  host: HostFacts,
  limits: ScratchLimits,
): Preflight {
  const { server } = inventory;
  if (host.serverVersion === null) {
    const name = `postgresql-${server.major}`;
    return {
      problems: [
        {
          code: 'tool-missing',
          message: `the server programs of PostgreSQL ${server.major} are not installed`,
          next: `install ${name}: a restore is tried on the major version of the source`,
        },
      ],
      notes: [],
    };
  }
  const problems = [
    ...space(diskNeeded(archiveBytes, inventory.bytes), host, limits),
    ...memory(host, limits),
    ...locales(inventory, host),
    ...extensions(inventory, host),
    ...libraries(inventory, host),
  ];
  return { problems, notes: notes(inventory, host) };
}

function space(needed: number, { freeDisk }: HostFacts, { disk, reserve }: ScratchLimits): PreflightProblem[] {
  const code = 'drill-out-of-space';
  if (needed > disk) {
    const message = `the restore needs about ${formatSize(needed)} of disk, and drill.limits.disk is ${formatSize(disk)}`;
    return [{ code, message, next: 'raise drill.limits.disk' }];
  }
  if (needed + reserve <= freeDisk) return [];
  const message =
    `the restore needs about ${formatSize(needed)} of disk, and ${formatSize(freeDisk)} are free, ` +
    `of which ${formatSize(reserve)} stay free (drill.limits.reserve)`;
  return [{ code, message, next: 'free space, or put drill.scratch on a larger file system' }];
}

function memory({ availableMemory }: HostFacts, limits: ScratchLimits): PreflightProblem[] {
  const code = 'drill-out-of-memory';
  if (limits.memory < leastMemory) {
    const message = `drill.limits.memory is ${formatSize(limits.memory)}, and a server needs ${formatSize(leastMemory)}`;
    return [{ code, message, next: 'raise drill.limits.memory' }];
  }
  if (availableMemory >= leastMemory) return [];
  const message = `${formatSize(availableMemory)} of memory are available, and a server needs ${formatSize(leastMemory)}`;
  return [{ code, message, next: 'free memory on this host' }];
}

function locales({ server }: Inventory, host: HostFacts): PreflightProblem[] {
  const code = 'drill-environment';
  const wanted = new Set(server.localeProvider === 'builtin' ? [] : [server.collate, server.ctype]);
  for (const { provider, locale } of server.collations) if (provider === 'libc' && locale !== null) wanted.add(locale);
  const problems: PreflightProblem[] = [...wanted]
    .filter((name) => !['C', 'POSIX', ''].includes(name) && !host.locales.has(normalizeLocale(name)))
    .map((name) => ({
      code,
      message: `the locale ${name} of the source is not installed here`,
      next: `install it: add "${name}" to /etc/locale.gen and run locale-gen (package locales)`,
    }));
  const icu = server.localeProvider === 'icu' || server.collations.some(({ provider }) => provider === 'icu');
  if (icu && !host.icu) {
    problems.push({
      code,
      message: 'the source uses ICU collations, and the PostgreSQL installed here was built without ICU',
      next: 'install a PostgreSQL with ICU, such as Debian’s',
    });
  }
  return problems;
}

function extensions({ server }: Inventory, host: HostFacts): PreflightProblem[] {
  const code = 'drill-environment';
  return server.extensions.flatMap(({ name, version }): PreflightProblem[] => {
    const here = host.extensions.get(name);
    if (here === undefined) {
      const message = `the extension ${name} of the source is not installed here`;
      return [{ code, message, next: `install the package that holds it for PostgreSQL ${server.major}` }];
    }
    if (here.versions.has(version)) return [];
    const message = `the source has ${name} ${version}, and only ${[...here.versions].sort().join(', ')} can be created here`;
    return [{ code, message, next: `install the version of the source, or run ALTER EXTENSION ${name} UPDATE there` }];
  });
}

function libraries({ server }: Inventory, host: HostFacts): PreflightProblem[] {
  return server.preloadLibraries
    .filter((name) => !host.libraries.has(libraryName(name)))
    .map((name) => ({
      code: 'drill-environment' as const,
      message: `the source preloads ${name}, which is not installed here`,
      next: `install the package that holds it for PostgreSQL ${server.major}`,
    }));
}

/** `$libdir/pg_cron.so` → `pg_cron`. */
export function libraryName(setting: string): string {
  return setting.replace(/^.*\//, '').replace(/\.so$/, '');
}

function notes({ server }: Inventory, host: HostFacts): string[] {
  const result: string[] = [];
  if (server.tablespaces.length > 0) {
    result.push(`tablespaces (${server.tablespaces.join(', ')}) are directories of the scratch server`);
  }
  for (const { name, version } of server.extensions) {
    const usual = host.extensions.get(name)?.defaultVersion;
    if (usual !== undefined && usual !== version) {
      result.push(`extension ${name}: version ${version} as on the source, and not ${usual}, the default here`);
    }
  }
  return result;
}
