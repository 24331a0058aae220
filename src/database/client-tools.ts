import { access, constants, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';

/** PostgreSQL programs of one version, in one directory. */
export interface PostgresTools {
  readonly bin: string;
  readonly major: number;
  /** As the program prints it, such as `15.18 (Debian 15.18-0+deb12u1)`. */
  readonly version: string;
}

/** Directories that may hold PostgreSQL's programs: Debian's, one per major version, and those in PATH. */
async function candidates(): Promise<string[]> {
  const debian = '/usr/lib/postgresql';
  const majors = await readdir(debian).catch(() => []);
  return [
    ...majors.map((major) => join(debian, major, 'bin')),
    ...(process.env.PATH ?? '').split(':').filter((directory) => directory.startsWith('/')),
  ];
}

const executable = (file: string) =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

/** Every installed version that has all of `programs`, newest last. */
async function installed(programs: readonly string[]): Promise<PostgresTools[]> {
  const found = new Map<number, PostgresTools>();
  for (const bin of new Set(await candidates())) {
    const present = await Promise.all(programs.map((program) => executable(join(bin, program))));
    if (present.includes(false)) continue;
    // Debian's /usr/bin/pg_dump is a wrapper that picks a version: real programs are preferred to it.
    if (dirname(bin) === '/usr' && found.size > 0) continue;
    // One that does not run, or that only has the name, is none: it may stand in anybody's PATH.
    const stdout = await run(join(bin, programs[0] ?? ''), ['--version'], { timeout: 10_000 }).then(
      (printed) => printed.stdout,
      () => '',
    );
    const version = /\(PostgreSQL\) (.+)/.exec(stdout)?.[1]?.trim() ?? '';
    const major = Number.parseInt(version, 10);
    if (major > 0 && !found.has(major)) found.set(major, { bin, major, version });
  }
  return [...found.values()].sort((a, b) => a.major - b.major);
}

async function exactly(major: number, programs: readonly string[], debianPackage: string): Promise<PostgresTools> {
  const all = await installed(programs);
  const match = all.find((tools) => tools.major === major);
  if (match) return match;
  const have = all.map((tools) => tools.major);
  throw fail(
    'tool-missing',
    `${programs[0]} of PostgreSQL ${major} is not installed (${have.length > 0 ? `found: ${have.join(', ')}` : 'none is'})`,
    {
      tool: programs[0],
      major,
      installed: have,
      package: debianPackage,
      next:
        `on a host of \`socle up\`: put ${major} into \`host.postgresql.majors\`, with \`source: pgdg\` if its Debian has another version, ` +
        `and run \`socle up\`; elsewhere: apt-get install ${debianPackage}, if Debian does not have it from PGDG ` +
        '(apt-get install postgresql-common, then /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh)',
    },
  );
}

/**
 * pg_dump, pg_restore, psql and pg_dumpall of exactly this major version. An older pg_dump refuses the server; a newer
 * one works but writes SQL that a server of the same major need not accept, and a drill restores onto the same major.
 * @throws `tool-missing`, naming the Debian package
 */
export function clientTools(major: number): Promise<PostgresTools> {
  return exactly(major, ['pg_dump', 'pg_restore', 'psql', 'pg_dumpall'], `postgresql-client-${major}`);
}

/**
 * initdb and postgres of exactly this major version, for scratch servers.
 * @throws `tool-missing`, naming the Debian package
 */
export function serverTools(major: number): Promise<PostgresTools> {
  return exactly(major, ['postgres', 'initdb'], `postgresql-${major}`);
}

/**
 * The newest installed server and its clients, for throw-away servers of ours.
 * @throws `tool-missing`
 */
export async function newestServerTools(): Promise<PostgresTools> {
  const newest = (await installed(['postgres', 'initdb', 'pg_dump'])).at(-1);
  if (newest) return newest;
  throw fail('tool-missing', 'no PostgreSQL server is installed', {
    tool: 'postgres',
    next: 'install it (apt-get install --no-install-recommends postgresql)',
  });
}
