import { z } from 'zod';
import { parseDuration, parseSize } from '../kernel/units.ts';

/**
 * `platform.yaml`. Every field has a description: it becomes the JSON Schema for editors and the reference in docs/.
 * Durations are parsed to milliseconds and sizes to bytes: the rest of the code never sees their text.
 */

const duration = (example: string) =>
  z
    .string()
    .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, `a duration such as ${example}`)
    .transform((text) => parseDuration(text) ?? 0);
const size = (example: string) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?\s*(B|KiB|MiB|GiB|TiB)$/, `a size such as ${example}`)
    .transform((text) => parseSize(text) ?? 0);
const name = z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'a name of lower-case letters, digits and hyphens');
const cron = z.string().describe('five-field cron expression, or `off`');

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
  port: z.number().int().min(1).max(65_535).default(5432),
  database: z.string().min(1).describe('the database on the server'),
  user: z.string().default('socle_backup').describe('role that `socle database grant` prints the SQL for'),
  password: secretSource.optional(),
  tls: tls.default({ mode: 'disable' }),
});

const database = z.strictObject({
  name: name.describe('what Socle calls it'),
  connection,
  role_passwords: z.boolean().default(false).describe('keep the password hashes of roles in the backup'),
  lock_timeout: duration('30s').prefault('30s').describe('how long a dump waits for a table lock'),
  shrink_warning: z
    .number()
    .min(1)
    .max(100)
    .default(50)
    .describe('per cent of rows lost since the last backup that warn'),
});

const vault = z.strictObject({
  repository: z.string().min(1).describe('restic repository: a directory, sftp:, rest: or s3:'),
  password: secretSource,
  options: z.record(z.string(), z.string()).default({}).describe('restic options (-o), such as sftp.args'),
  environment: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), secretSource)
    .default({})
    .describe('environment for restic, such as AWS_SECRET_ACCESS_KEY, from files or commands'),
});

const retention = z
  .strictObject({
    last: z.number().int().min(1).default(3),
    hourly: z.number().int().min(0).default(0),
    daily: z.number().int().min(0).default(7),
    weekly: z.number().int().min(0).default(5),
    monthly: z.number().int().min(0).default(12),
    yearly: z.number().int().min(0).default(0),
  })
  .describe('how many backups to keep, by calendar period in the time zone of the platform');

/** The words that an operator has to write to keep production backups on the host alone. */
export const localOnlySentence = 'the backups are lost when this host is lost';

const backup = z.strictObject({
  schedule: cron.default('15 2 * * *'),
  deep_schedule: cron.default('45 3 * * 0').describe('backups that also hash every table on the source by SQL'),
  jitter: duration('10m').prefault('10m').describe('start up to this much later, at random'),
  rpo: duration('26h')
    .prefault('26h')
    .describe('target: how much data may be lost; a backup older than this is overdue'),
  vault,
  copy: vault.optional().describe('a second vault that every backup is copied to'),
  local_only: z.literal(localOnlySentence).optional().describe('needed in prod when no vault is off the host'),
  retention: retention.prefault({}),
  integrity: z
    .strictObject({
      schedule: cron.default('30 4 * * *'),
      parts: z.number().int().min(1).max(365).default(30).describe('read the whole vault over this many runs'),
    })
    .prefault({}),
});

const drill = z.strictObject({
  schedule: cron.default('30 5 * * 0'),
  jitter: duration('10m').prefault('10m'),
  rto: duration('60m').prefault('60m').describe('target: how long a restore may take'),
  overdue_after: duration('8d').prefault('8d').describe('a database without a proof for this long is overdue'),
  scratch: z.string().optional().describe('directory for scratch servers; default: below the state directory'),
  limits: z
    .strictObject({
      memory: size('1GiB').prefault('1GiB').describe('of the scratch server and of what it restores'),
      disk: size('50GiB').prefault('50GiB').describe('of the scratch directory'),
      reserve: size('1GiB').prefault('1GiB').describe('free space that a drill never takes'),
      jobs: z.number().int().min(1).max(16).default(2).describe('parallel restore jobs'),
    })
    .prefault({}),
});

const ops = z.strictObject({
  state: z.string().optional().describe('state directory; default /var/lib/socle, or ~/.local/state/socle for a user'),
  listen: z
    .strictObject({ host: z.string().default('127.0.0.1'), port: z.number().int().min(0).max(65_535).default(7410) })
    .prefault({}),
  notify: z
    .strictObject({
      webhook: z.strictObject({ url: secretSource }).optional().describe('POST one JSON document per change of state'),
      mail: z
        .strictObject({
          host: z.string(),
          port: z.number().int().min(1).max(65_535).default(587),
          tls: z.enum(['none', 'starttls', 'tls']).default('starttls'),
          user: z.string().optional(),
          password: secretSource.optional(),
          from: z.string(),
          to: z.array(z.string()).min(1),
        })
        .optional(),
    })
    .prefault({}),
  heartbeat: z
    .strictObject({ url: secretSource, every: duration('5m').prefault('5m') })
    .optional()
    .describe('an external dead-man switch, pinged only while backups and drills are within target'),
});

export const platformSchema = z.strictObject({
  name: name.describe('the platform; it is the host name in the vault'),
  environment: z.enum(['dev', 'staging', 'prod']),
  timezone: z
    .string()
    .default('UTC')
    .refine((zone) => {
      try {
        return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
      } catch {
        return false;
      }
    }, 'a time zone such as Europe/Paris'),
  databases: z.array(database).default([]),
  backup: backup.optional(),
  drill: drill.prefault({}),
  ops: ops.prefault({}),
});

export type Platform = z.output<typeof platformSchema>;
export type DatabaseConfig = Platform['databases'][number];
export type ConnectionConfig = DatabaseConfig['connection'];
export type BackupConfig = NonNullable<Platform['backup']>;
export type VaultConfig = BackupConfig['vault'];
export type Retention = BackupConfig['retention'];
export type DrillConfig = Platform['drill'];
export type OpsConfig = Platform['ops'];
