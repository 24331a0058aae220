/**
 * Every failure that a person or a program can meet, in one table: exit code, HTTP status, category, whether trying
 * again can help, and what to do next are said once. One place maps it to exit codes (the CLI), one to HTTP (RFC 9457).
 */

/** Categories of EC-1, and three that a backup tool needs besides. */
export type Category =
  | 'validation'
  | 'authorization'
  | 'unavailable'
  | 'timeout'
  | 'dependency'
  | 'conflict'
  | 'proof'
  | 'internal';

/** Stable exit codes; `docs/exit-codes.md` explains them. */
export const exit = {
  ok: 0,
  internal: 1,
  usage: 2,
  notProven: 3,
  refused: 4,
  notTested: 5,
  unavailable: 69,
  locked: 75,
  notPermitted: 77,
  timeout: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];

export interface Failure {
  readonly category: Category;
  /** HTTP status of the problem document. */
  readonly status: number;
  readonly exit: ExitCode;
  readonly retryable: boolean;
  /** What happened, without any detail of the occurrence. */
  readonly title: string;
  /** What the reader does next. */
  readonly next: string;
}

export const failures = {
  internal: {
    category: 'internal',
    status: 500,
    exit: exit.internal,
    retryable: false,
    title: 'Socle met a condition it does not know',
    next: 'this is a defect: please report it with the output of the same command and SOCLE_LOG=debug',
  },
  usage: {
    category: 'validation',
    status: 400,
    exit: exit.usage,
    retryable: false,
    title: 'the command line or the request is not valid',
    next: 'see --help of the command',
  },
  'config-invalid': {
    category: 'validation',
    status: 422,
    exit: exit.usage,
    retryable: false,
    title: 'the platform file is not valid',
    next: 'correct the lines named; `socle config schema` prints what is allowed',
  },
  'not-found': {
    category: 'validation',
    status: 404,
    exit: exit.usage,
    retryable: false,
    title: 'there is no such thing',
    next: 'list what exists (`socle backup list`, `socle drill list`) and use an id from there',
  },
  'method-not-allowed': {
    category: 'validation',
    status: 405,
    exit: exit.usage,
    retryable: false,
    title: 'this API only answers GET',
    next: 'run the verb with the `socle` command on the host',
  },
  'tool-missing': {
    category: 'dependency',
    status: 503,
    exit: exit.unavailable,
    retryable: false,
    title: 'a program that Socle needs is not installed',
    next: 'install the package named',
  },
  'command-failed': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'a program that Socle runs failed',
    next: 'read its last lines, which are quoted, and run it again once the cause is gone',
  },
  interrupted: {
    category: 'unavailable',
    status: 503,
    exit: exit.interrupted,
    retryable: true,
    title: 'the work was interrupted',
    next: 'run it again: nothing half-done counts',
  },
  timeout: {
    category: 'timeout',
    status: 504,
    exit: exit.timeout,
    retryable: true,
    title: 'an answer did not come in time',
    next: 'see whether the program named is overloaded or hangs, then run it again',
  },
  'secret-unreadable': {
    category: 'authorization',
    status: 500,
    exit: exit.notPermitted,
    retryable: false,
    title: 'a secret could not be read',
    next: 'see that the file exists and is readable by this user only (0600), or that the command prints the secret',
  },
  busy: {
    category: 'conflict',
    status: 409,
    exit: exit.locked,
    retryable: true,
    title: 'the same work is already running',
    next: 'wait for it to end',
  },
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof failures;

/** Data of one occurrence. Never a secret: it is shown, logged and sent. */
export type FailureDetails = Readonly<Record<string, unknown>>;

/** A failure of the table above. `message` is one sentence about this occurrence. */
export class SocleError extends Error {
  readonly code: FailureCode;
  readonly details: FailureDetails;

  constructor(code: FailureCode, message: string, details: FailureDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SocleError';
    this.code = code;
    this.details = details;
  }

  get failure(): Failure {
    return failures[this.code];
  }
}

/**
 * @param message one sentence that says what happened here (the table says what it means and what to do)
 * @param details data about the occurrence; `next` in it replaces the table's advice
 */
export function fail(code: FailureCode, message: string, details: FailureDetails = {}, cause?: unknown): SocleError {
  return new SocleError(code, message, details, cause);
}

/** Any thrown value as a `SocleError`; what is not ours becomes `internal`, an abort `interrupted`. */
export function asSocleError(error: unknown): SocleError {
  if (error instanceof SocleError) return error;
  if (error instanceof Error && error.name === 'AbortError') {
    return fail('interrupted', 'interrupted before it ended', {}, error);
  }
  return fail('internal', error instanceof Error ? error.message : String(error), {}, error);
}
