/** One statement that failed during a restore. */
export interface RestoreError {
  /** What the server or pg_restore said, without `ERROR:`. */
  readonly message: string;
  /** The server's DETAIL; it may hold values of rows. */
  readonly detail: string | null;
  /** First line of the statement. */
  readonly statement: string | null;
}

/**
 * The errors in what pg_restore printed, in order, each once. It prints `pg_restore: error: ` and the message, then the
 * server's further lines and `Command was: ` with the statement.
 */
export function restoreErrors(stderr: string): RestoreError[] {
  const found = new Map<string, RestoreError>();
  for (const part of stderr.split(/^pg_restore: (?=error|warning|from|while)/m).slice(1)) {
    const text = /^error: ([\s\S]*)/.exec(part)?.[1];
    if (text === undefined || /^a worker process died/.test(text)) continue;
    const [first = ''] = text.split('\n');
    const message = first.replace(/^could not execute query: /, '').replace(/^.*?\b(ERROR|FATAL|PANIC):\s+/, '');
    const detail = /^DETAIL:\s+(.*)$/m.exec(text)?.[1] ?? null;
    const statement = /^Command was: (.*(?:\n {4}.*)?)/m.exec(text)?.[1]?.replace(/\s+/g, ' ') ?? null;
    const key = `${message}\n${statement}`;
    if (!found.has(key)) found.set(key, { message, detail, statement });
  }
  return [...found.values()];
}
