/**
 * Every failure that a person or a program can meet, in one table: exit code, HTTP status, category, whether trying
 * again can help, and what to do next are said once. One place maps it to exit codes (the CLI), one to HTTP (RFC 9457).
 */

import { outsideFailure } from './outside-failure.ts';

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
  stillOpen: 6,
  notCompliant: 7,
  drift: 8,
  stepFailed: 9,
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
  'config-missing': {
    category: 'validation',
    status: 500,
    exit: exit.usage,
    retryable: false,
    title: 'there is no platform file',
    next: 'name it with --config FILE or SOCLE_CONFIG, or make one with `socle init`',
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
  'output-unwritten': {
    category: 'unavailable',
    status: 500,
    exit: exit.unavailable,
    retryable: true,
    title: 'the work was done, and its answer could not be written',
    next: 'free space where the output goes; `socle backup list` and `socle drill list` show what was done',
  },
  'disk-full': {
    category: 'unavailable',
    status: 507,
    exit: exit.unavailable,
    retryable: true,
    title: 'no space is left on a disk of this machine',
    next: 'free space where the message says, then run it again: nothing half-done counts',
  },
  'file-unusable': {
    category: 'authorization',
    status: 500,
    exit: exit.notPermitted,
    retryable: false,
    title: 'a file or a directory cannot be used',
    next: 'see that the path exists, is of the right kind, and belongs to the user that runs Socle; TMPDIR must name a directory that can be written to',
  },
  'machine-exhausted': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'this machine lacks memory, processes or open files',
    next: 'see what uses them (`free`, `ulimit -a`, `systemctl status`), then run it again',
  },
  'network-failed': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'a connection over the network failed',
    next: 'see whether the address answers from this machine, then run it again',
  },
  'system-failed': {
    category: 'dependency',
    status: 500,
    exit: exit.unavailable,
    retryable: true,
    title: 'the operating system reported an error',
    next: 'see the kernel log (`dmesg`) for the disk or device that the message names, then run it again',
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
  'not-root': {
    category: 'authorization',
    status: 403,
    exit: exit.notPermitted,
    retryable: false,
    title: 'this needs root',
    next: 'run it as root or with sudo',
  },
  'sandbox-failed': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'the throw-away machine did not come up',
    next: 'read its console, which is quoted; then try again',
  },
  'secret-key-missing': {
    category: 'authorization',
    status: 403,
    exit: exit.notPermitted,
    retryable: false,
    title: 'no key at hand opens the encrypted document',
    next: 'give the identity file of one of the recipients named (--identity FILE, or SOPS_AGE_KEY_FILE)',
  },
  'secret-key-invalid': {
    category: 'validation',
    status: 422,
    exit: exit.usage,
    retryable: false,
    title: 'that is not an age key',
    next: 'a recipient starts with age1, an identity with AGE-SECRET-KEY-1',
  },
  'secret-document-invalid': {
    category: 'validation',
    status: 422,
    exit: exit.usage,
    retryable: false,
    title: 'the secret document cannot be read',
    next: 'correct the place named; nothing was written',
  },
  'secret-document-unsupported': {
    category: 'validation',
    status: 422,
    exit: exit.usage,
    retryable: false,
    title: 'the secret document has a form that Socle does not support',
    next: 'use `sops` for this document; nothing was written',
  },
  'secret-document-changed': {
    category: 'conflict',
    status: 409,
    exit: exit.locked,
    retryable: true,
    title: 'the secret document was changed meanwhile',
    next: 'look at the file, then run the command again',
  },
  'secret-unwritable': {
    category: 'authorization',
    status: 500,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the secret document could not be written',
    next: 'see that its directory can be written and has room; the old document is untouched',
  },
  'secret-document-tampered': {
    category: 'proof',
    status: 422,
    exit: exit.notProven,
    retryable: false,
    title: 'the encrypted document was changed without its key',
    next: 'do not trust it: take the last good version from Git (`git log -p FILE`)',
  },
  'host-not-allowed': {
    category: 'authorization',
    status: 421,
    exit: exit.refused,
    retryable: false,
    title: 'the request names a host that this API does not answer for',
    next: 'call it as localhost or 127.0.0.1 on the host itself, or by its address in the VPN',
  },
  'request-too-large': {
    category: 'validation',
    status: 413,
    exit: exit.usage,
    retryable: false,
    title: 'the request is too large',
    next: 'send a GET request without a body',
  },
  'delivery-failed': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'a message could not be delivered',
    next: 'see that the address answers and that its credentials hold; delivery is tried again by itself',
  },
  'not-ready': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'Socle does not serve requests now',
    next: 'wait a moment; `journalctl -u socle`, or the output of `socle serve`, says what it is doing',
  },
  'listen-refused': {
    category: 'validation',
    status: 500,
    exit: exit.refused,
    retryable: false,
    title: 'the API listens where no stranger reaches it',
    next: 'set ops.listen.host to 127.0.0.1, ::1, localhost or, on the host, its address in the VPN',
  },
  'listen-failed': {
    category: 'unavailable',
    status: 500,
    exit: exit.unavailable,
    retryable: true,
    title: 'the API could not listen',
    next: 'stop what uses the port (`ss -ltnp`), or set another one as ops.listen.port',
  },
  'state-unusable': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'the state directory cannot be used',
    next: 'see that it exists, belongs to this user and has free space; ops.state names another one',
  },
  'state-of-another': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'the state directory is that of another platform, and nothing of it was shown or changed',
    next: 'set ops.state to a directory of its own in this platform file, or name the other one with --config',
  },
  'not-confirmed': {
    category: 'validation',
    status: 400,
    exit: exit.refused,
    retryable: false,
    title: 'nothing was done, since nobody said yes',
    next: 'read what it would do (--dry-run), then run it with --yes',
  },
  'already-there': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'it is there already, and is not overwritten',
    next: 'use the one that is there, or name another place',
  },
  busy: {
    category: 'conflict',
    status: 409,
    exit: exit.locked,
    retryable: true,
    title: 'the same work is already running',
    next: 'wait for it to end',
  },
  'kit-unusable': {
    category: 'proof',
    status: 422,
    exit: exit.notProven,
    retryable: false,
    title: 'the recovery kit would not bring this platform back',
    next: 'make a new one with `socle kit create --to DIRECTORY`, and confirm it',
  },
  'vault-unreachable': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'the vault does not answer',
    next: 'see that its server runs and that this host reaches it; nothing was lost, and the next run tries again',
  },
  'vault-absent': {
    category: 'dependency',
    status: 503,
    exit: exit.unavailable,
    retryable: false,
    title: 'there is no vault at this address',
    next: 'run `socle vault init` once; if it was there before, see whether its disk is mounted before you do',
  },
  'vault-locked': {
    category: 'conflict',
    status: 503,
    exit: exit.locked,
    retryable: true,
    title: 'another process holds the vault',
    next: 'wait for it to end; the lock of a process that is gone is removed by itself, after 30 minutes at most',
  },
  'vault-wrong-password': {
    category: 'authorization',
    status: 500,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the password does not open the vault',
    next: 'correct `backup.vault.password` in the platform file, or use that of the recovery kit; a damaged key file looks the same: "A damaged key" in docs/vault.md',
  },
  'vault-denied': {
    category: 'authorization',
    status: 502,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the vault refuses access',
    next: 'see the user, key or password that the vault is reached with, and whether its directory can be written',
  },
  'vault-damaged': {
    category: 'dependency',
    status: 500,
    exit: exit.unavailable,
    retryable: false,
    title: 'data in the vault is damaged',
    next: 'run `socle backup verify` to see which backups are hit; docs/vault.md has the repair: "When a file of the vault is damaged"',
  },
  'vault-unusable': {
    category: 'dependency',
    status: 500,
    exit: exit.unavailable,
    retryable: false,
    title: 'a file that the whole vault needs cannot be read',
    next: 'docs/vault.md has the repair for each kind of file, under "When a file of the vault is damaged"',
  },
  'backup-not-noted': {
    category: 'unavailable',
    status: 503,
    exit: exit.stepFailed,
    retryable: false,
    title: 'the backup is good; writing it down on this host failed',
    next: 'remove the cause (a full disk, a database in use), then run `socle backup reindex`: it reads the backup from the vault',
  },
  'vault-full': {
    category: 'unavailable',
    status: 507,
    exit: exit.unavailable,
    retryable: true,
    title: 'no space is left for the vault',
    next: 'free space or enlarge the disk (of the vault, or of the cache directory), then run it again',
  },
  'vault-failed': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'restic failed for a reason that Socle does not know',
    next: "read restic's last lines, which are quoted, and run it again once the cause is gone",
  },
  'vault-gone': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'the vault is not where it was',
    next: 'see whether its disk is mounted and its address is right; `socle vault init --anew` makes an empty one',
  },
  'vault-local-only': {
    category: 'validation',
    status: 422,
    exit: exit.refused,
    retryable: false,
    title: 'production backups would be kept on this host alone',
    next: 'add a vault off the host as `backup.copy`, or write the sentence that `backup.local_only` asks for',
  },
  'sandbox-unavailable': {
    category: 'dependency',
    status: 503,
    exit: exit.notTested,
    retryable: false,
    title: 'no sandbox can be made for the scratch server',
    next: 'install bubblewrap; run as root, or allow unprivileged user namespaces (`sysctl kernel.unprivileged_userns_clone=1`)',
  },
  'scratch-failed': {
    category: 'dependency',
    status: 503,
    exit: exit.notTested,
    retryable: true,
    title: 'the scratch server did not start, or died',
    next: 'read the last lines of its log, which are quoted; this says nothing about the backup',
  },
  'drill-out-of-space': {
    category: 'dependency',
    status: 507,
    exit: exit.notTested,
    retryable: false,
    title: 'there is not enough disk for the drill',
    next: 'free space, raise drill.limits.disk, or put drill.scratch on a larger file system; this says nothing about the backup',
  },
  'drill-out-of-memory': {
    category: 'dependency',
    status: 507,
    exit: exit.notTested,
    retryable: false,
    title: 'there is not enough memory for the drill',
    next: 'raise drill.limits.memory; this says nothing about the backup',
  },
  'database-unreachable': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'a database does not answer',
    next: 'see that PostgreSQL runs and listens where platform.yaml says, then run it again',
  },
  'database-denied': {
    category: 'authorization',
    status: 502,
    exit: exit.notPermitted,
    retryable: false,
    title: 'a database refuses the login',
    next: 'check user and password in platform.yaml and pg_hba.conf on the server; `socle database grant` prints the SQL for the role',
  },
  'database-missing': {
    category: 'validation',
    status: 502,
    exit: exit.usage,
    retryable: false,
    title: 'the server has no such database',
    next: 'correct connection.database in platform.yaml, or create the database',
  },
  'database-untrusted': {
    category: 'authorization',
    status: 502,
    exit: exit.notPermitted,
    retryable: false,
    title: 'no TLS connection that can be trusted',
    next: 'check tls.mode, tls.ca and the host name in platform.yaml against the certificate of the server',
  },
  'database-unreadable': {
    category: 'authorization',
    status: 409,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the backup role cannot read everything in the database',
    next: 'run the SQL that `socle database grant` prints as a superuser in that database, then run the backup again',
  },
  'database-locked': {
    category: 'conflict',
    status: 503,
    exit: exit.locked,
    retryable: true,
    title: 'a table stayed locked for too long',
    next: 'wait until the session named has ended, or raise lock_timeout of the database, and run the backup again',
  },
  'database-pooled': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'a connection pooler or a load balancer stands in front of the database',
    next: 'put the address of the PostgreSQL server itself into `connection` (host and port of the server, not those of PgBouncer, of another pooler or of a load balancer); nothing was changed',
  },
  'standby-conflict': {
    category: 'conflict',
    status: 503,
    exit: exit.locked,
    retryable: true,
    title: 'the standby canceled the backup in favor of replication',
    next: 'raise `max_standby_streaming_delay` on the standby or set `hot_standby_feedback = on`, then run it again; or back up the primary',
  },
  'database-exhausted': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'the database server lacks a resource',
    next: 'remove the cause that PostgreSQL names, then run it again',
  },
  'database-canceled': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'the database server canceled a query',
    next: 'see who or which timeout canceled it, which PostgreSQL names, then run it again',
  },
  'database-changed': {
    category: 'conflict',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'something that is read from the database is no longer there',
    next: 'run it again; if it fails again, see whether the object that PostgreSQL names exists, and whether the role sees it',
  },
  'database-encoding': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: false,
    title: 'the database holds bytes that its encoding does not allow',
    next: 'correct the value or the name that PostgreSQL speaks of; a database in SQL_ASCII needs names and definitions in UTF-8',
  },
  'database-damaged': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: false,
    title: 'the database server cannot read its own files',
    next: 'do not overwrite any backup; see the log of the server and its disk, and restore the last good backup beside it',
  },
  'database-failed': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'the database server reported an error',
    next: 'read what PostgreSQL says, remove the cause and run it again',
  },
  'dump-failed': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'the dump did not end well, so there is no backup',
    next: 'read the last lines of the program, which are quoted, remove the cause and run the backup again',
  },
  'read-back-differs': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'what the vault holds is not what was written',
    next: 'check the storage of the vault (`socle vault check`), then run the backup again; this dump does not count',
  },
  'drill-environment': {
    category: 'dependency',
    status: 503,
    exit: exit.notTested,
    retryable: false,
    title: 'this machine cannot restore the backup',
    next: 'install what is named; this says nothing about the backup',
  },
  'drill-timeout': {
    category: 'timeout',
    status: 504,
    exit: exit.notTested,
    retryable: true,
    title: 'the drill took too long and was stopped',
    next: 'see whether the host is overloaded, or raise drill.rto; this says nothing about the backup',
  },
  'no-backup': {
    category: 'validation',
    status: 404,
    exit: exit.notTested,
    retryable: false,
    title: 'there is no backup to restore',
    next: 'take one with `socle backup run`, and see `socle backup list`',
  },
  'artifact-damaged': {
    category: 'proof',
    status: 500,
    exit: exit.notProven,
    retryable: false,
    title: 'the dump is not what was stored',
    next: 'run `socle backup verify`, take a new backup at once, and use an older one to restore',
  },
  'source-inconsistent': {
    category: 'proof',
    status: 500,
    exit: exit.notProven,
    retryable: false,
    title: 'the source breaks a constraint of its own, so its backup does not restore in one go',
    next: 'correct those rows in the source; `socle restore --salvage` restores everything else and lists what failed',
  },
  'restore-failed': {
    category: 'proof',
    status: 500,
    exit: exit.notProven,
    retryable: false,
    title: 'the backup did not restore',
    next: 'read the statement that failed; `socle restore --salvage` goes on after errors and lists them',
  },
  'not-identical': {
    category: 'proof',
    status: 500,
    exit: exit.notProven,
    retryable: false,
    title: 'the restored database is not identical to what was backed up',
    next: 'see the differences named in the report, and take a new backup with `socle backup run`',
  },
  'host-missing': {
    category: 'validation',
    status: 422,
    exit: exit.usage,
    retryable: false,
    title: 'the platform file names no host',
    next: 'add a `host` section: docs/platform.example.yaml shows it',
  },
  'host-unknown': {
    category: 'validation',
    status: 502,
    exit: exit.usage,
    retryable: false,
    title: 'the name of the host has no address',
    next: 'correct `host.address` in the platform file, or make the DNS record that it names',
  },
  'host-unreachable': {
    category: 'unavailable',
    status: 503,
    exit: exit.unavailable,
    retryable: true,
    title: 'the host does not answer over SSH',
    next: 'see that it runs, that `host` names it, and that the VPN is up when its SSH is closed in public; the host repairs its tunnel within a minute. When the VPN is dead for good, boot it with `socle.rescue=1` on the kernel’s command line, at the provider’s console: SSH for keys then answers in public',
  },
  'host-key-unknown': {
    category: 'authorization',
    status: 403,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the SSH host key of the host is not known yet',
    next: 'compare the fingerprint with the provider’s console, then give it with --host-key or as `host.host_key`',
  },
  'host-key-changed': {
    category: 'authorization',
    status: 403,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the host shows another SSH host key than the one that is known: it may be another machine',
    next: 'when it was reinstalled on purpose, remove the known_hosts file named, and compare the new fingerprint',
  },
  'host-denied': {
    category: 'authorization',
    status: 403,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the host lets this user in neither over SSH nor as root',
    next: 'see `host.user` and --identity; the user has to be root or to have sudo without a password',
  },
  'host-unsupported': {
    category: 'validation',
    status: 422,
    exit: exit.refused,
    retryable: false,
    title: 'the host is not one that Socle can provision',
    next: 'use a fresh Debian 13 (or 12) with 4 GB of memory',
  },
  'domain-unavailable': {
    category: 'validation',
    status: 422,
    exit: exit.refused,
    retryable: false,
    title: 'this provisioning domain is not available yet',
    next: 'run `socle up` without --only, or with a domain that is available',
  },
  'cluster-fixed': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'a cluster cannot change its networks or the name of its node',
    next: 'put back what is named (`cluster.networks`, `cluster.node_name`), or make the cluster anew on a fresh host',
  },
  'k3s-version': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'K3s goes up one minor version at a time, and never down',
    next: 'go through the minor versions between, each with its own run; an older K3s does not read newer data',
  },
  'copy-incomplete': {
    category: 'dependency',
    status: 502,
    exit: exit.unavailable,
    retryable: true,
    title: 'the copy of the cluster’s datastore is not whole, so it does not count',
    next: 'run it again; if it happens twice, see the journal of the host',
  },
  'domain-needs-another': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'provisioning domains build on each other, and one that is needed would not be there',
    next: 'run `socle up` without --only, or `socle up --only network` first',
  },
  'release-incomplete': {
    category: 'dependency',
    status: 500,
    exit: exit.unavailable,
    retryable: false,
    title: 'a part of the release is not on this machine',
    next: 'install it as the message says, then run the command again',
  },
  'secret-missing-on-host': {
    category: 'authorization',
    status: 409,
    exit: exit.notPermitted,
    retryable: false,
    title: 'the platform file names a secret of the host that is not there',
    next: 'put it there as root, mode 0600, or name a file of this machine: `socle up` sends that one',
  },
  'upgrade-rolled-back': {
    category: 'dependency',
    status: 500,
    exit: exit.refused,
    retryable: false,
    title: 'the new release did not come to answer, and the one before runs again',
    next: 'correct the cause that its last lines name, then run `socle upgrade` again',
  },
  'run-failed': {
    category: 'dependency',
    status: 500,
    exit: exit.unavailable,
    retryable: true,
    title: 'provisioning the host failed, and what was done before stays',
    next: 'correct the cause named and run `socle up` again: it goes on from what is there',
  },
  'firewall-reverted': {
    category: 'dependency',
    status: 500,
    exit: exit.unavailable,
    retryable: true,
    title: 'the host was not reachable behind its new firewall, so the old one came back',
    next: 'see that the way named works (the VPN, most often), and run `socle up` again',
  },
  'vpn-would-be-cut': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'the run would cut the only way to the host, so it was not started',
    next: 'first open SSH in public (`firewall.ssh: public`, `socle up`), then make the change, then close it again',
  },
  'vpn-full': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'the VPN has no address left',
    next: 'revoke a peer with `socle vpn revoke NAME`, or choose a larger `vpn.subnet`',
  },
  'mirror-incomplete': {
    category: 'dependency',
    status: 424,
    exit: exit.unavailable,
    retryable: false,
    title: 'the artifact mirror does not hold what the platform needs',
    next: 'complete the mirror, name another one with --mirror or SOCLE_MIRROR, or leave it out to use the official release',
  },
  'checksum-mismatch': {
    category: 'validation',
    status: 422,
    exit: exit.refused,
    retryable: false,
    title: 'a file is not the one that was vouched for, and nothing of it was used',
    next: 'get the file again; if it is your own build, list it in the mirror’s SHA256SUMS and give that file’s SHA-256 as `cluster.mirror_sums`',
  },
  'target-not-empty': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'the target database is not empty',
    next: 'name a database that does not exist yet, or add --into-non-empty if you mean it',
  },
  'roles-missing': {
    category: 'conflict',
    status: 409,
    exit: exit.refused,
    retryable: false,
    title: 'roles that own what is to be restored are not there',
    next: 'add --roles to create the roles of the source, or create those named first',
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

/**
 * Any thrown value as a `SocleError`: an abort is `interrupted`, and what the operating system, a server or SQLite reported
 * is what it says. Only what is left is `internal`.
 */
export function asSocleError(error: unknown): SocleError {
  if (error instanceof SocleError) return error;
  if (error instanceof Error && error.name === 'AbortError') {
    return fail('interrupted', 'interrupted before it ended', {}, error);
  }
  const known = outsideFailure(error);
  if (known) return fail(known.code, known.message, known.details, error);
  return fail('internal', error instanceof Error ? error.message : String(error), {}, error);
}
