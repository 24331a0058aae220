import type pg from 'pg';
import type { SocleError } from '../kernel/errors.ts';
import type { StartedProcess, StartOptions } from '../kernel/process.ts';

/** PostgreSQL's own client programs, of the server's major version. */
export type ClientProgram = 'pg_dump' | 'pg_restore' | 'psql' | 'pg_dumpall';

/**
 * A server that a backup was restored into. What it holds is not trusted: its programs run where the server runs, in
 * the same sandbox when there is one.
 */
export interface RestoredServer {
  readonly versionNumber: number;
  /** `PGOPTIONS` of the programs that change or read it; default: all neutral settings, as a superuser may. */
  readonly options?: { readonly restore: string; readonly dump: string };
  /** A connection as superuser; the caller ends it. */
  connect(database: string): Promise<pg.Client>;
  /**
   * Starts a client program beside the server. `PGHOST`, `PGPORT` and `PGUSER` are set; name the database with `-d`.
   * @param readable files or directories that the program may read, at the same path
   */
  start(
    program: ClientProgram,
    args: readonly string[],
    readable?: readonly string[],
    options?: StartOptions,
  ): StartedProcess;
}

/** A throw-away server of ours in a sandbox. */
export interface ScratchServer extends RestoredServer {
  /** Directory on the host that holds everything of this server. */
  readonly directory: string;
  /** How it is fenced in, for the report: such as `bubblewrap, own user 61234, no network`. */
  readonly sandbox: string;
  /** Largest use seen so far, bytes. */
  peak(): { memory: number; disk: number };
  /** Why it was stopped, or died, before `destroy`: a limit, a crash. Null while all is well. */
  failure(): SocleError | null;
  /** Last lines of the server's log. */
  log(): string;
  /** Ends every process of it and removes its directory. May be called twice. */
  destroy(): Promise<void>;
}
