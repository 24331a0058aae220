import pg from 'pg';
import type { ServerFacts } from '../database/inventory-schema.ts';
import type { RestoredServer } from '../database/restored-server.ts';
import { fail } from '../kernel/errors.ts';
import { lastLines } from '../kernel/process.ts';
import { finished, restoring } from './program.ts';
import { databaseArgument } from './proof/programs.ts';
import { createDatabase } from './proof/rebuild.ts';

/** Errors of psql (with VERBOSITY=verbose) that are not about a role that is there already: 42710 duplicate_object. */
export function roleErrors(stderr: string): string[] {
  return stderr.split('\n').filter((line) => /\b(ERROR|FATAL):\s/.test(line) && !/:\s+42710:\s/.test(line));
}

/**
 * Creates the roles of the source. A role that exists is kept and gets the source's properties: the superuser that the
 * server was made with is always there.
 * @param file SQL of the manifest's snapshot; readable by the programs of the server
 * @throws `restore-failed`
 */
export async function restoreRoles(
  server: RestoredServer,
  file: string,
  database: string,
  signal?: AbortSignal,
): Promise<void> {
  const options = ['--no-psqlrc', '--quiet', '--set=VERBOSITY=verbose'];
  const child = server.start('psql', [...options, `--dbname=${databaseArgument(database)}`, `--file=${file}`], [file], {
    signal,
    env: { PGOPTIONS: restoring(server) },
  });
  const { exitCode, stderr, aborted } = await finished(child);
  if (aborted) throw fail('interrupted', 'the restore of the roles was interrupted');
  const errors = roleErrors(stderr);
  const [first] = errors;
  if (first !== undefined)
    throw fail('restore-failed', `the roles could not be created: ${first}`, {
      errors: errors.slice(0, 20),
      said: /(?:ERROR|FATAL):\s+(?:[0-9A-Z]{5}:\s+)?(.*)/.exec(first)?.[1],
    });
  if (exitCode !== 0) {
    throw fail('command-failed', `psql ended with ${exitCode} while it created the roles`, {
      output: lastLines(stderr),
    });
  }
}

/**
 * The same on a server of ours. The server keeps a role's name as bytes, in the encoding of the database that it was
 * given from: they are the source's only when they come through a database of the source's encoding.
 * @param maintenance a database that is there
 * @throws `restore-failed`
 */
export async function restoreRolesAsOnSource(
  server: RestoredServer,
  file: string,
  facts: ServerFacts,
  maintenance: string,
  signal?: AbortSignal,
): Promise<void> {
  if (facts.encoding === 'UTF8') return await restoreRoles(server, file, maintenance, signal);
  const through = 'socle_roles';
  const client = await server.connect(maintenance);
  try {
    await client.query(createDatabase(through, { ...facts, collate: 'C', ctype: 'C', localeProvider: 'libc' }));
    await restoreRoles(server, file, through, signal);
    await client.query(`DROP DATABASE ${pg.escapeIdentifier(through)}`);
  } finally {
    await client.end();
  }
}
