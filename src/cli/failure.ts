import type { ExitCode, FailureCode, SocleError } from '../kernel/errors.ts';

/** A failure as `--json` prints it, on standard output. */
export interface FailureDocument {
  readonly error: {
    readonly code: FailureCode;
    readonly category: string;
    readonly title: string;
    /** What happened this time. */
    readonly message: string;
    readonly next: string;
    readonly retryable: boolean;
    readonly exit: ExitCode;
    readonly details: Readonly<Record<string, unknown>>;
  };
}

export function failureDocument(error: SocleError): FailureDocument {
  const { category, title, retryable, exit } = error.failure;
  const { next: _, ...details } = error.details;
  return {
    error: { code: error.code, category, title, message: error.message, next: nextOf(error), retryable, exit, details },
  };
}

/** What happened, what it means, what to do next. */
export function failureText(error: SocleError): string {
  const lines = [`error: ${error.message}`, `       ${error.failure.title} (${error.code})`];
  const { output } = error.details;
  if (typeof output === 'string' && output !== '') {
    lines.push('', ...output.split('\n').map((line) => `  | ${line}`), '');
  }
  lines.push(`next:  ${nextOf(error)}`);
  return `${lines.join('\n')}\n`;
}

function nextOf(error: SocleError): string {
  const { next } = error.details;
  return typeof next === 'string' ? next : error.failure.next;
}
