import { existsSync, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { run } from '../kernel/process.ts';

/** Where PostgreSQL of one version keeps what it reads. */
export interface ServerFiles {
  /** `pg_config --sharedir`: extensions, dictionaries, time zones. */
  readonly share: string;
  /** `pg_config --pkglibdir`: libraries. */
  readonly library: string;
}

/**
 * Configuration of the languages that functions are written in, and Debian's links from /usr to what was chosen there
 * (update-alternatives(1)). Root's, readable by everybody, and without a secret.
 */
const languages = [
  '/etc/alternatives',
  '/etc/perl',
  '/etc/python3',
  '/etc/R',
  '/etc/tcl8.6',
  '/etc/localtime',
] as const;

/**
 * Paths outside of /usr that a server reads on this machine, and that its sandbox has to show: what links of its own
 * directories lead to, libraries that its libraries need, directories of ld.so.conf(5), configuration of languages.
 */
export async function outsideOfUsr({ share, library }: ServerFiles): Promise<string[]> {
  const libraries = list(library)
    .filter((name) => name.endsWith('.so'))
    .map((name) => join(library, name));
  const [needed, known] = await Promise.all([printed('ldd', libraries), printed('ldconfig', ['-p'])]);
  const paths = (text: string) => [...text.matchAll(/=> (\/\S+)/g)].map(([, path = '']) => path);
  const python = list('/etc').filter((name) => /^python3\.\d+$/.test(name));
  const found = [
    ...languages,
    ...python.map((name) => `/etc/${name}`),
    ...links(share).flatMap(hops),
    ...links(library).flatMap(hops),
    ...paths(needed).flatMap(hops),
    ...paths(known).filter(isOutside).map(dirname),
  ];
  return shortest(found.filter((path) => isOutside(path) && existsSync(path)));
}

/** Directories of the source's search paths (`dynamic_library_path`, `extension_control_path`) that may be shown. */
export function searchDirectories(settings: Readonly<Record<string, string>>): string[] {
  const named = ['dynamic_library_path', 'extension_control_path'].flatMap((name) => (settings[name] ?? '').split(':'));
  return shortest(named.filter((path) => path.startsWith('/') && isOutside(path) && isOfPrograms(path)));
}

/** The source names these directories: only what root put there for everybody is shown, and no place of data. */
function isOfPrograms(path: string): boolean {
  if (!/^\/(opt|srv)\/[^/]/.test(resolve(path))) return false;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === 0 && (stat.mode & 0o022) === 0 && (stat.mode & 0o005) === 0o005;
}

const isOutside = (path: string) => !/^\/(usr|lib\w*|bin|sbin|proc|sys|dev)(\/|$)/.test(path);

/** Every path that is passed on the way from a link to what it leads to. */
function hops(path: string): string[] {
  const passed: string[] = [];
  for (let at = path; passed.length < 20; ) {
    passed.push(at);
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (!stat?.isSymbolicLink()) break;
    at = resolve(dirname(at), readlinkSync(at));
  }
  return passed;
}

function links(directory: string): string[] {
  return entries(directory)
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name));
}

function entries(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true });
  } catch {
    return [];
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Sorted, and without what lies below another one of them. */
function shortest(paths: readonly string[]): string[] {
  const sorted = [...new Set(paths.map((path) => resolve(path)))].sort();
  return sorted.filter((path) => !sorted.some((other) => path.startsWith(`${other}/`)));
}

/** What a program printed, however it ended: `ldd` fails for what is no program, and says the rest all the same. */
async function printed(program: string, args: readonly string[]): Promise<string> {
  if (args.length === 0) return '';
  const known = { accept: [0, 1], timeout: 60_000 };
  return run(program, args, known).then(
    ({ stdout }) => stdout,
    () => '',
  );
}
