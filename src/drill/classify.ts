import { asSocleError, type FailureCode, fail, type SocleError } from '../kernel/errors.ts';
import type { RestoreError } from './restore-errors.ts';

/**
 * What pg_restore's errors mean, by PostgreSQL's own texts (the server speaks English to us). The first that matches
 * counts; an error of a kind that is not here is the backup's: it did not restore.
 */
const meanings: ReadonlyArray<readonly [RegExp, FailureCode]> = [
  [/violates foreign key constraint "/, 'source-inconsistent'],
  [/could not create (unique index|exclusion constraint) "/, 'source-inconsistent'],
  [
    /(check constraint "[^"]*" (of relation|is violated)|violates check constraint "|conflicting key value violates)/,
    'source-inconsistent',
  ],
  [/violates not-null constraint|column "[^"]*" of relation "[^"]*" contains null values/, 'source-inconsistent'],
  [/duplicate key value violates unique constraint "/, 'source-inconsistent'],
  [
    /could not uncompress|could not read from input file|unexpected end of file|did not find magic string/,
    'artifact-damaged',
  ],
  [
    /not appear to be a valid archive|unsupported version .* in file header|error in compressed data/,
    'artifact-damaged',
  ],
  [
    /unexpected block ID|unrecognized data block type|could not find block ID|entry ID .* out of range/,
    'artifact-damaged',
  ],
  [/No space left on device|could not extend file|File too large/, 'drill-out-of-space'],
  [/\bout of (shared )?memory|could not resize shared memory|cannot allocate memory/i, 'drill-out-of-memory'],
  [/could not (open|load|access) (extension control|file "|library)/, 'drill-environment'],
  [/extension "[^"]*" (is not available|has no installation script)/, 'drill-environment'],
  [
    /invalid (LC_\w+ )?locale name|could not create locale|(ICU|collation provider).*not supported/,
    'drill-environment',
  ],
  [
    /server closed the connection|connection to server .* failed|terminating connection|could not fork/,
    'scratch-failed',
  ],
  [/the database system is (in recovery mode|shutting down|starting up)/, 'scratch-failed'],
];

/** What the errors of a restore mean, as one failure that names the statement. */
export function restoreFailure(errors: readonly RestoreError[], exitCode: number): SocleError {
  for (const error of errors) {
    const code = meanings.find(([pattern]) => pattern.test(error.message))?.[1];
    if (code !== undefined) return named(code, error);
  }
  const [first] = errors;
  return first === undefined
    ? // It was killed: a backup that does not restore makes it say why.
      fail('command-failed', `pg_restore ended with ${exitCode} and named no error`)
    : named('restore-failed', first);
}

/** The server's DETAIL is left out: it quotes values of rows. */
function named(code: FailureCode, { message, statement }: RestoreError): SocleError {
  const what =
    code === 'source-inconsistent' ? `the source holds rows that break a constraint of its own: ${message}` : message;
  return fail(code, statement === null ? what : `${what} (at: ${statement})`, { statement, said: message });
}

/** The first of these that is known explains the other: a server that was stopped makes pg_restore fail as well. */
export function firstCause(...causes: readonly unknown[]): SocleError {
  return asSocleError(causes.find((cause) => cause !== null && cause !== undefined));
}
