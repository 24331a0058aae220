import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';

/** The programs of a PostgreSQL server, all in one directory. */
export interface ServerTools {
  readonly bin: string;
  /** Such as `15.18 (Debian 15.18-1.pgdg120+1)`. */
  readonly version: string;
  /** Directory of the files that extensions are made of. */
  readonly share: string;
  /** Directory of the libraries that a server loads. */
  readonly library: string;
}

/** Where Debian, and the PostgreSQL project's own packages, put the programs of one major version. */
const places = (major: number) => [`/usr/lib/postgresql/${major}/bin`, `/usr/pgsql-${major}/bin`];

/**
 * The server programs of exactly this major version: a drill restores onto what the source runs.
 * @throws `tool-missing`, naming the package
 */
export async function serverTools(major: number): Promise<ServerTools> {
  for (const bin of places(major)) {
    try {
      await Promise.all(['postgres', 'initdb', 'pg_restore'].map((name) => access(join(bin, name), constants.X_OK)));
    } catch {
      continue;
    }
    const version = (await run(join(bin, 'postgres'), ['--version'])).stdout;
    const config = (await run(join(bin, 'pg_config'), ['--sharedir', '--pkglibdir'])).stdout.split('\n');
    return {
      bin,
      version: version.replace(/^postgres \(PostgreSQL\) /, '').trim(),
      share: config[0] ?? '',
      library: config[1] ?? '',
    };
  }
  throw fail('tool-missing', `the server programs of PostgreSQL ${major} are not installed`, {
    tool: `postgresql-${major}`,
    next: `install the package postgresql-${major} (a drill needs the same major version as the source)`,
  });
}
