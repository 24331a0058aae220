import { type FailureCode, fail, type SocleError } from '../kernel/errors.ts';

/** What a SQLSTATE means for the one who asked; the longest prefix that fits counts. */
interface Meaning {
  readonly code: FailureCode;
  /** Instead of the table's advice. */
  readonly next?: string;
}

/**
 * By PostgreSQL's SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html. Whatever is not here is
 * `database-failed`, with PostgreSQL's own words: an answer of the server is never an internal error of ours.
 */
const meanings: Readonly<Record<string, Meaning>> = {
  '08': { code: 'database-unreachable' },
  '22021': { code: 'database-encoding' },
  '22P05': { code: 'database-encoding' },
  '25006': {
    code: 'database-failed',
    next: 'the server only reads: it is a standby, or `default_transaction_read_only` is on',
  },
  '25P03': {
    code: 'database-canceled',
    next: 'set `idle_in_transaction_session_timeout` to 0 for the backup role (ALTER ROLE … SET), then run it again',
  },
  '25P04': {
    code: 'database-canceled',
    next: 'set `transaction_timeout` to 0 for the backup role (ALTER ROLE … SET), then run it again',
  },
  '28': { code: 'database-denied' },
  '3D000': { code: 'database-missing' },
  '3F000': { code: 'database-changed' },
  '40': { code: 'database-canceled' },
  '42501': { code: 'database-unreadable' },
  '42703': { code: 'database-changed' },
  '42704': { code: 'database-changed' },
  '42883': { code: 'database-changed' },
  '42P01': { code: 'database-changed' },
  '53': { code: 'database-exhausted' },
  '53100': {
    code: 'database-exhausted',
    next: 'free space on the disk of the database server, then run it again',
  },
  '53300': {
    code: 'database-exhausted',
    next:
      'see who holds the connections (SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2), ' +
      'and raise `max_connections`, or the limit of the role or the database if the message names that',
  },
  '54': { code: 'database-exhausted', next: 'the message names the limit of PostgreSQL that was met' },
  '55P03': { code: 'database-locked' },
  '57': { code: 'database-canceled' },
  '57P': { code: 'database-unreachable' },
  '57P04': { code: 'database-missing' },
  '58': { code: 'database-damaged' },
  XX: { code: 'database-failed' },
  XX001: { code: 'database-damaged' },
  XX002: { code: 'database-damaged' },
};

/** What tells more than the SQLSTATE does, in PostgreSQL's English. */
const byText: ReadonlyArray<readonly [RegExp, Meaning]> = [
  [/conflict with recovery/i, { code: 'standby-conflict' }],
  [
    /out of shared memory|max_locks_per_transaction|max_pred_locks_per_transaction/i,
    {
      code: 'database-exhausted',
      next:
        'raise `max_locks_per_transaction` of the server (a dump locks every table and partition at once) and restart it; ' +
        'a standby needs at least the value of its primary',
    },
  ],
  [
    /statement timeout/i,
    {
      code: 'database-canceled',
      next: 'set `statement_timeout` to 0 for the backup role (ALTER ROLE … SET), then run it again',
    },
  ],
  [/(snapshot .* does not exist|invalid snapshot identifier)/i, { code: 'database-pooled' }],
  [/(too many clients already|remaining connection slots|too many connections)/i, meanings['53300'] as Meaning],
  [/No space left on device/i, meanings['53100'] as Meaning],
  [/invalid byte sequence for encoding|has no equivalent in encoding/i, { code: 'database-encoding' }],
];

function meaningOf(state: string, said: string): Meaning {
  const told = byText.find(([pattern]) => pattern.test(said))?.[1];
  const known = [5, 3, 2].map((length) => meanings[state.slice(0, length)]).find((meaning) => meaning !== undefined);
  return told ?? known ?? { code: 'database-failed' };
}

/** An error that a PostgreSQL server sent, as node-postgres gives it. */
interface ServerError extends Error {
  readonly code: string;
  readonly hint?: string;
  readonly routine?: string;
}

/** Five characters, and what no error of Node's has. */
export const fromServer = (error: unknown): error is ServerError =>
  error instanceof Error && /^[0-9A-Z]{5}$/.test(String((error as ServerError).code)) && 'severity' in error;

/**
 * What PostgreSQL answered as one failure: its own words, and its hint, which often is the best advice. Its detail is left
 * out, since it quotes values of rows.
 * @param where the connection or the database, for the message
 */
export function serverFailure(where: string, error: ServerError): SocleError {
  const { code, next } = meaningOf(error.code, error.message);
  const hint = error.hint ? ` (PostgreSQL’s hint: ${error.hint})` : '';
  return fail(
    code,
    `${where}: ${error.message}${hint}`,
    { sqlstate: error.code, ...(error.hint ? { hint: error.hint } : {}), ...(next ? { next } : {}) },
    error,
  );
}

/** The same for what a program of PostgreSQL's printed; null when nothing in it is known. */
export function printedFailure(what: string, printed: string): SocleError | null {
  const [, meaning] = byText.find(([pattern]) => pattern.test(printed)) ?? [];
  const [, known] = meaning ? [] : (programTexts.find(([pattern]) => pattern.test(printed)) ?? []);
  const found = meaning ?? known;
  if (!found) return null;
  const lines = printed.split('\n');
  const error = lines.find((line) => /error: |FATAL: |ERROR: /.test(line)) ?? lines[0] ?? '';
  const hint = lines.find((line) => /^(\S+: hint: |HINT: )/.test(line));
  const [, server] = /Error message from server: (.+)/.exec(printed) ?? [];
  const message = `${what}: ${error.replace(/^\S+: error: /, '')}${server ? ` ${server}` : ''}${hint ? ` (${hint.replace(/^\S+: hint: /, 'HINT: ')})` : ''}`;
  return fail(found.code, message, { output: printed, ...(found.next ? { next: found.next } : {}) });
}

const programTexts: ReadonlyArray<readonly [RegExp, Meaning]> = [
  [/canceling statement due to lock timeout|could not obtain lock/i, { code: 'database-locked' }],
  [/permission denied for/i, { code: 'database-unreadable' }],
  [/canceling statement due to/i, { code: 'database-canceled' }],
  [/(password|peer|ident|certificate) authentication failed|no pg_hba\.conf entry/i, { code: 'database-denied' }],
  [/database "[^\n]*" does not exist/i, { code: 'database-missing' }],
  [/SSL error|certificate verify failed|server does not support SSL/i, { code: 'database-untrusted' }],
  [
    /server closed the connection unexpectedly|terminating connection|connection to server .* failed|the database system is|SSL connection has been closed|could not (receive|send) data/i,
    { code: 'database-unreachable' },
  ],
  [
    /invalid (page|memory alloc)|could not (read|open) (file|block)|missing chunk number|compressed .* data is corrupt/i,
    { code: 'database-damaged' },
  ],
];
