import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fail, type SocleError } from '../kernel/errors.ts';
import { type Ended, lastLines, type StartedProcess, start } from '../kernel/process.ts';
import type { DatabaseConfig } from '../platform/schema.ts';
import { clientAccess } from './client-access.ts';
import type { PostgresTools } from './client-tools.ts';
import { printedFailure } from './sqlstate.ts';

/** A pg_dump at work. */
export interface RunningDump {
  readonly process: StartedProcess;
  /**
   * Resolves to its warnings when it ended with 0.
   * @throws `dump-failed` with its last lines
   */
  readonly done: Promise<string[]>;
}

/** Warnings that say something about the backup, each in one line without its hints. */
function warnings(printed: string): string[] {
  return printed
    .split('\n')
    .filter((line) => /^pg_dump(all)?: warning: /.test(line))
    .map((line) => line.replace(/^pg_dump(all)?: warning: /, ''));
}

/** What PostgreSQL's own words mean, where they are known; else that the program failed. */
export function dumpFailure(program: string, { exitCode, signal }: Ended, output: string): SocleError {
  const known = signal === null ? printedFailure(program, output) : null;
  return known ?? fail('dump-failed', `${program} ended with ${signal ?? exitCode}`, { exitCode, output });
}

/**
 * Dumps exactly this snapshot in pg_dump's custom format, uncompressed: the vault compresses, and finds what it has.
 * @param snapshot name of an exported snapshot that stays open meanwhile
 * @param output descriptor that the archive is written to
 */
export async function startDump(
  tools: PostgresTools,
  { connection, lock_timeout: lockTimeout }: DatabaseConfig,
  snapshot: string,
  output: number,
  signal?: AbortSignal,
): Promise<RunningDump> {
  const access = await clientAccess(connection, signal);
  try {
    const process = start(
      join(tools.bin, 'pg_dump'),
      [
        '--format=custom',
        '--compress=0',
        '--no-password',
        `--snapshot=${snapshot}`,
        `--lock-wait-timeout=${Math.round(lockTimeout)}`,
      ],
      { env: access.env, stdio: ['ignore', output, 'pipe', ...access.descriptors], signal },
    );
    const printed = process.stderr ? text(process.stderr) : Promise.resolve('');
    const done = (async () => {
      const ended = await process.ended;
      const output = await printed;
      if (ended.aborted) throw fail('interrupted', 'pg_dump was interrupted');
      if (ended.exitCode === 0) return warnings(output);
      throw dumpFailure('pg_dump', ended, lastLines(output));
    })();
    // Whoever reads the stream meets the failure first; it is not unhandled meanwhile.
    done.catch(() => {});
    return { process, done };
  } finally {
    access.close();
  }
}

/**
 * Roles, memberships and settings of roles as SQL for psql. Creating a role that is already there (`postgres` always
 * is) is not an error: the text can be run as it is. pg_dumpall knows no snapshot: it prints what is true now.
 * @param roles quoted names of all roles
 * @throws `dump-failed`
 */
export async function dumpRoles(
  tools: PostgresTools,
  { connection, role_passwords: passwords }: DatabaseConfig,
  roles: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const access = await clientAccess(connection, signal);
  try {
    const process = start(
      join(tools.bin, 'pg_dumpall'),
      [
        '--roles-only',
        // The text is kept as UTF-8, whatever the database's own encoding is.
        '--encoding=UTF8',
        '--no-password',
        // As a connection string: libpq would take a bare name with `=` or `://` for one.
        `--database=dbname='${connection.database.replace(/[\\']/g, '\\$&')}'`,
        ...(passwords ? [] : ['--no-role-passwords']),
      ],
      { env: access.env, stdio: ['ignore', 'pipe', 'pipe', ...access.descriptors], signal },
    );
    const [sql, printed, ended] = await Promise.all([
      process.stdout ? text(process.stdout) : '',
      process.stderr ? text(process.stderr) : '',
      process.ended,
    ]);
    if (ended.aborted) throw fail('interrupted', 'pg_dumpall was interrupted');
    if (ended.exitCode !== 0) {
      throw dumpFailure('pg_dumpall', ended, lastLines(printed));
    }
    return tolerant(sql, roles);
  } finally {
    access.close();
  }
}

/**
 * `CREATE ROLE x;` becomes a block that passes over a role which exists. Only lines that are exactly that for a known
 * role, and are followed by its `ALTER ROLE`, as pg_dumpall writes them: a comment may hold anything.
 */
export function tolerant(sql: string, roles: readonly string[]): string {
  const known = new Map(roles.map((role) => [`CREATE ROLE ${role};`, `ALTER ROLE ${role} WITH `]));
  const lines = sql.split('\n');
  return lines
    .map((line, index) => {
      const follows = known.get(line);
      return follows !== undefined && lines[index + 1]?.startsWith(follows)
        ? `DO $socle$BEGIN ${line} EXCEPTION WHEN duplicate_object THEN NULL; END$socle$;`
        : line;
    })
    .join('\n');
}
