import { z } from 'zod';
import { cluster } from './schema-cluster.ts';
import { firewall, host, vpn } from './schema-host.ts';
import { cron, duration, size } from './schema-values.ts';

/**
 * `platform.yaml`. Every field has a description: it becomes the JSON Schema for editors and the reference in docs/.
 * Durations are parsed to milliseconds and sizes to bytes: the rest of the code never sees their text.
 */

const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,40}$/,
    'a name of at most 41 lower-case letters, digits and hyphens that starts with a letter',
  );
const secretSource = z
  .union([
    z.strictObject({ file: z.string().describe('path of a file whose first line is the secret') }),
    z.strictObject({ command: z.array(z.string()).min(1).describe('program and arguments that print the secret') }),
  ])
  .describe('where a secret is: a file or a command, never the value');

const tls = z.strictObject({
  mode: z.enum(['disable', 'require', 'verify-ca', 'verify-full']).describe('as in libpq'),
  ca: z.string().optional().describe('file with the certificate authority'),
  cert: z.string().optional().describe('file with the client certificate'),
  key: z.string().optional().describe('file with the key of the client certificate'),
});

const connection = z.strictObject({
  host: z.string().default('/run/postgresql').describe('a socket directory, or a host name or address'),
  port: z.number().int().min(1).max(65_535).default(5432).describe('port of the server, also for a socket'),
  database: z.string().min(1).max(63).describe('the database on the server'),
  user: z.string().default('socle_backup').describe('role that `socle database grant` prints the SQL for'),
  password: secretSource
    .optional()
    .describe('password of the role, from a file or a command; none: peer, trust or certificate'),
  tls: tls.default({ mode: 'disable' }).describe('encryption of a TCP connection'),
});

const database = z.strictObject({
  name: name.describe('what Socle calls it'),
  connection: connection.describe('how the database is reached'),
  role_passwords: z.boolean().default(false).describe('keep the password hashes of roles in the backup'),
  lock_timeout: duration('30s', 0).prefault('30s').describe('how long a dump waits for a table lock'),
  shrink_warning: z
    .number()
    .min(1)
    .max(100)
    .default(50)
    .describe('per cent of rows lost since the last backup that warn'),
});

const vault = z.strictObject({
  repository: z.string().min(1).describe('restic repository: a directory, sftp:, rest: or s3:'),
  password: secretSource.describe('password of the vault: without it every backup is lost'),
  options: z.record(z.string(), z.string()).default({}).describe('restic options (-o), such as sftp.args'),
  environment: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), secretSource)
    .default({})
    .describe('environment for restic, such as AWS_SECRET_ACCESS_KEY, from files or commands'),
});

const retention = z
  .strictObject({
    last: z.number().int().min(1).default(3).describe('the newest backups'),
    hourly: z.number().int().min(0).default(0).describe('one of each hour'),
    daily: z.number().int().min(0).default(7).describe('one of each day'),
    weekly: z.number().int().min(0).default(5).describe('one of each week'),
    monthly: z.number().int().min(0).default(12).describe('one of each month'),
    yearly: z.number().int().min(0).default(0).describe('one of each year'),
  })
  .describe('how many backups to keep, by calendar period in the time zone of the platform');

/** The words that an operator has to write to keep production backups on the host alone. */
export const localOnlySentence = 'the backups are lost when this host is lost';

const backup = z.strictObject({
  schedule: cron('when backups are taken').default('15 2 * * *'),
  deep_schedule: cron('when backups are taken that also hash every table on the source by SQL').default('45 3 * * 0'),
  jitter: duration('10m', 0).prefault('10m').describe('start up to this much later, at random'),
  rpo: duration('26h')
    .prefault('26h')
    .describe('target: how much data may be lost; a backup older than this is overdue'),
  vault: vault.describe('the restic repository that holds the backups'),
  copy: vault.optional().describe('a second vault that every backup is copied to'),
  local_only: z.literal(localOnlySentence).optional().describe('needed in prod when no vault is off the host'),
  retention: retention
    .prefault({})
    .describe('how many backups to keep, by calendar period; the last good and the last proven one always stay'),
  integrity: z
    .strictObject({
      schedule: cron('when the vault is checked').default('30 4 * * *'),
      parts: z.number().int().min(1).max(365).default(30).describe('read the whole vault over this many runs'),
    })
    .prefault({})
    .describe('checks of what lies in the vault'),
});

const drill = z.strictObject({
  schedule: cron('when the newest backup is restored and proven').default('30 5 * * 0'),
  jitter: duration('10m', 0).prefault('10m').describe('start up to this much later, at random'),
  rto: duration('60m').prefault('60m').describe('target: how long a restore may take'),
  overdue_after: duration('8d').prefault('8d').describe('a database without a proof for this long is overdue'),
  scratch: z.string().optional().describe('directory for scratch servers; default: below the state directory'),
  limits: z
    .strictObject({
      memory: size('1GiB').prefault('1GiB').describe('of the scratch server and of what it restores'),
      disk: size('50GiB').prefault('50GiB').describe('of the scratch directory'),
      reserve: size('1GiB').prefault('1GiB').describe('free space that a drill never takes'),
      jobs: z.number().int().min(1).max(16).default(2).describe('parallel jobs of the restore and of its proof'),
    })
    .prefault({})
    .describe('what a drill may take of the host'),
});

const drift = z.strictObject({
  every: duration('24h')
    .refine((ms) => ms >= 600_000, 'at least 10m: a comparison takes a while')
    .prefault('24h')
    .describe('how often the host is compared with what its last run made; three that are missing are a failure'),
});

const listen = z.strictObject({
  host: z
    .string()
    .regex(/^(\d{1,3}(\.\d{1,3}){3}|::1|localhost)$/, 'an address such as 127.0.0.1 or 10.8.0.1')
    .default('127.0.0.1')
    .describe(
      'a loopback address or, on the host, its address in the VPN, which is what `socle up` takes: there is no authentication yet',
    ),
  port: z.number().int().min(0).max(65_535).default(7410).describe('TCP port; 0 takes a free one'),
});

const mailAddress = z
  .string()
  .regex(/^([^<>@]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/, 'an address such as ops@example.org');

const mail = z.strictObject({
  host: z.string().min(1).describe('mail server'),
  port: z.number().int().min(1).max(65_535).default(587).describe('TCP port of the mail server'),
  tls: z.enum(['none', 'starttls', 'tls']).default('starttls').describe('encryption'),
  user: z.string().optional().describe('user name at the mail server'),
  password: secretSource.optional().describe('its password, from a file or a command'),
  from: mailAddress.describe('sender'),
  to: z.array(mailAddress).min(1).describe('recipients'),
});

const notify = z.strictObject({
  webhook: z
    .strictObject({ url: secretSource.describe('where to, from a file or a command: such URLs are secrets') })
    .optional()
    .describe('POST one JSON document per change of state'),
  mail: mail.optional().describe('one mail per change of state'),
});

const heartbeat = z.strictObject({
  url: secretSource.describe('what to GET, from a file or a command'),
  every: duration('5m').prefault('5m').describe('how often'),
});

const ops = z.strictObject({
  state: z
    .string()
    .optional()
    .describe(
      'state directory, of this platform alone; default /var/lib/socle for root, ~/.local/state/socle for a user (with a `host`: platforms/NAME below it), /var/lib/socle/daemon on the host',
    ),
  listen: listen.prefault({}).describe('where the API of `socle serve` answers'),
  notify: notify.prefault({}).describe('who is told when a state changes'),
  heartbeat: heartbeat
    .optional()
    .describe('an external dead-man switch, pinged only while backups and drills are within target'),
});

export const platformSchema = z.strictObject({
  base: z
    .string()
    .regex(/^[^/]+\.ya?ml$/, 'the name of a file in the same directory, such as platform.yaml')
    .optional()
    .describe('another platform file in the same directory: this one holds only what differs'),
  name: name.describe('the platform; it is the host name in the vault'),
  environment: z.enum(['dev', 'staging', 'prod']).describe('prod asks for a vault off the host'),
  timezone: z
    .string()
    .default('UTC')
    .refine((zone) => {
      try {
        return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
      } catch {
        return false;
      }
    }, 'a time zone such as Europe/Paris')
    .describe('time zone of schedules, of the calendar that retention counts in, and of times in the terminal'),
  host: host.optional().describe('the machine that `socle up` provisions'),
  vpn: vpn.prefault({}).describe('WireGuard: the only way to everything that administers the platform'),
  firewall: firewall.prefault({}).describe('what the public reaches'),
  cluster: cluster.optional().describe('K3s on the host; without this section there is none'),
  databases: z.array(database).default([]).describe('PostgreSQL databases to back up'),
  backup: backup.optional().describe('when, where to and for how long'),
  drill: drill.prefault({}).describe('restores onto an empty server, with proof'),
  drift: drift.prefault({}).describe('what is not as `socle up` made it'),
  ops: ops.prefault({}).describe('the daemon, and who it tells'),
});

export type Platform = z.output<typeof platformSchema>;
export type HostConfig = NonNullable<Platform['host']>;
export type VpnConfig = Platform['vpn'];
export type ClusterConfig = NonNullable<Platform['cluster']>;
export type PeerConfig = VpnConfig['peers'][number];
export type DatabaseConfig = Platform['databases'][number];
export type ConnectionConfig = DatabaseConfig['connection'];
export type BackupConfig = NonNullable<Platform['backup']>;
export type VaultConfig = BackupConfig['vault'];
export type Retention = BackupConfig['retention'];
export type DrillConfig = Platform['drill'];
export type OpsConfig = Platform['ops'];
