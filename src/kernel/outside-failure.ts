/**
 * What the world around us reports: the operating system (errno), SQLite, a PostgreSQL server, the resolver, TLS. None of
 * it is a defect of ours, so that none of it may end as `internal`.
 */

/** A failure in the words of the table in errors.ts, as data. */
export interface OutsideFailure {
  readonly code:
    | 'database-failed'
    | 'disk-full'
    | 'file-unusable'
    | 'interrupted'
    | 'machine-exhausted'
    | 'network-failed'
    | 'state-unusable'
    | 'system-failed'
    | 'timeout';
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Names of errno(3), and of what Node reports in the same field. Any other name of the system is `system-failed`. */
const byName: Readonly<Record<string, OutsideFailure['code']>> = {
  ...named('disk-full', 'ENOSPC EDQUOT EFBIG'),
  ...named(
    'file-unusable',
    'EACCES EPERM EROFS ENOENT ENOTDIR EISDIR ELOOP ENAMETOOLONG ENOTEMPTY EEXIST EXDEV EMLINK ETXTBSY EBUSY ENOEXEC ' +
      'ESTALE ENODEV ENXIO EBADF ESPIPE EINVAL EILSEQ ERR_FS_FILE_TOO_LARGE ERR_FS_EISDIR ERR_INVALID_ARG_VALUE',
  ),
  ...named(
    'machine-exhausted',
    'ENOMEM EMFILE ENFILE EAGAIN EWOULDBLOCK ENOBUFS EUSERS E2BIG ENOLCK ERR_WORKER_OUT_OF_MEMORY',
  ),
  ...named(
    'network-failed',
    'ECONNREFUSED ECONNRESET ECONNABORTED ETIMEDOUT EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ENETRESET EPIPE ENOTFOUND ' +
      'ENOTCONN EISCONN EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EPROTO EPROTONOSUPPORT EDESTADDRREQ EMSGSIZE ENOTSOCK ' +
      'EALREADY EINPROGRESS ESHUTDOWN EHOSTUNREACH ERR_SOCKET_CONNECTION_TIMEOUT ERR_STREAM_PREMATURE_CLOSE',
  ),
  ...named('interrupted', 'ECANCELED EINTR ABORT_ERR'),
};

function named(code: OutsideFailure['code'], names: string): Record<string, OutsideFailure['code']> {
  return Object.fromEntries(names.split(' ').map((name) => [name, code]));
}

const network = /^(EAI_|UND_ERR_|ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_|EPROTO)/;

interface Reported extends Error {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly errcode?: unknown;
  readonly errstr?: unknown;
  readonly syscall?: unknown;
  readonly path?: unknown;
  readonly severity?: unknown;
}

/** Null for what was not reported from outside. */
export function outsideFailure(error: unknown): OutsideFailure | null {
  if (!(error instanceof Error)) return null;
  const { code, errno, errcode, errstr, syscall, path, severity, message } = error as Reported;
  if (error.name === 'TimeoutError') return { code: 'timeout', message, details: {} };
  if (typeof code !== 'string') return null;
  if (code === 'ERR_SQLITE_ERROR') {
    return {
      code: 'state-unusable',
      message: `the state database: ${message}`,
      details: { sqlite: errcode, says: errstr },
    };
  }
  // A server sends five characters and how bad it is.
  if (/^[0-9A-Z]{5}$/.test(code) && typeof severity === 'string') {
    return { code: 'database-failed', message: `PostgreSQL: ${message}`, details: { sqlstate: code } };
  }
  const details = {
    cause: code,
    ...(typeof syscall === 'string' ? { syscall } : {}),
    ...(typeof path === 'string' ? { path } : {}),
  };
  const known = Object.hasOwn(byName, code) ? byName[code] : undefined;
  if (known) return { code: known, message, details };
  if (network.test(code)) return { code: 'network-failed', message, details };
  const fromSystem = typeof errno === 'number' || typeof syscall === 'string';
  return fromSystem ? { code: 'system-failed', message, details } : null;
}
