import type { Manifest } from '../backup/schema.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import type { HashedFile } from './hash-thread.ts';
import type { Verdict } from './schema.ts';

/** Verdicts that accuse a backup or its source. A mismatch comes from a completed comparison as well. */
export type Accusation = Exclude<Verdict, 'proven' | 'not-tested'>;

/**
 * What a drill saw once and that may be the backup's fault: not yet a reason to say so. Only the three functions below
 * make one, each from a fact that no failing program of ours can give.
 */
export class Suspicion extends SocleError {
  readonly accusation: Accusation;

  private constructor(accusation: Accusation, { code, message, details }: SocleError) {
    super(code, message, details);
    this.accusation = accusation;
  }

  /** The archive was read to its end, and is not byte for byte what the manifest names. Null when it is. */
  static ofArchive(dump: Manifest['dump'], found: HashedFile): Suspicion | null {
    if (found.sha256 === dump.sha256) return null;
    const message = `the dump is not what was stored: ${found.bytes} bytes of ${dump.bytes}, or other ones`;
    const expected = { bytes: dump.bytes, sha256: dump.sha256 };
    return new Suspicion('artifact-damaged', fail('artifact-damaged', message, { expected, found }));
  }

  /** The same of the SQL of the roles. */
  static ofRoles(expected: string, found: string): Suspicion | null {
    if (found === expected) return null;
    const message = 'the SQL of the roles in the vault is not what the manifest names';
    return new Suspicion('artifact-damaged', fail('artifact-damaged', message));
  }

  /** restic ended by itself and said that the vault holds damaged data. Null for every other failure of it. */
  static ofVault(failure: SocleError): Suspicion | null {
    const { exitCode } = failure.details;
    const byItself = typeof exitCode === 'number' && exitCode > 0 && exitCode < 126;
    return failure.code === 'vault-damaged' && byItself ? new Suspicion('artifact-damaged', failure) : null;
  }

  /**
   * The server's own log has this error, with a SQLSTATE that is about what was restored. What a client, a signal, a lost
   * connection, or a lack of memory, disk or time makes pg_restore say is not in the log, or has another class.
   */
  static ofRestore(failure: SocleError, log: string): Suspicion | null {
    const { said } = failure.details;
    const state = typeof said === 'string' ? stateOf(said, log) : null;
    if (state === null || !aboutContent.test(state)) return null;
    if (failure.code === 'restore-failed') return new Suspicion('mismatch', failure);
    if (failure.code !== 'source-inconsistent') return null;
    return /^23/.test(state) ? new Suspicion('source-inconsistent', failure) : null;
  }
}

/**
 * Classes of SQLSTATE that say something about definitions and rows. Not among them: connections (08), transactions (25,
 * 40), rights to log in (28), external routines and modules (38, 39, HV), objects in use (55), resources (53), operators
 * and timeouts (57), the system (58), files of the configuration (F0), defects (XX).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const aboutContent = /^(0A|21|22|23|26|27|2B|2F|34|3D|3F|42|44|54000|540(11|23)|P0)/;

/** The SQLSTATE that the log (`log_line_prefix` with `%e`) gives beside this message; null when it is not there. */
export function stateOf(said: string, log: string): string | null {
  // The log is in the server's encoding, and a program's message in the client's.
  const plain = (text: string) =>
    text
      .replace(/ at character \d+$/, '')
      .replace(/[^\x20-\x7e]+/g, '?')
      .trim();
  const wanted = plain(said);
  const lines = [...log.matchAll(/ ([0-9A-Z]{5}) (?:ERROR|FATAL): {2}(.*)$/gm)];
  return lines.findLast(([, , message = '']) => plain(message) === wanted)?.[1] ?? null;
}

/** An accusation that two attempts came to, each on a server and with a copy of the archive of its own. */
export class BackupFault {
  readonly accusation: Accusation;
  readonly failure: SocleError;

  private constructor(accusation: Accusation, failure: SocleError) {
    this.accusation = accusation;
    this.failure = failure;
  }

  /** Null when the second attempt did not come to the same: then nothing is known. */
  static confirmed(first: Suspicion, again: unknown): BackupFault | null {
    if (!(again instanceof Suspicion) || again.accusation !== first.accusation) return null;
    return new BackupFault(again.accusation, again);
  }
}
