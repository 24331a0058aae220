import { randomBytes } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openVault } from '../backup/vault-open.ts';
import { connect } from '../database/connect.ts';
import { run } from '../kernel/process.ts';
import { formatSize } from '../kernel/units.ts';
import type { DatabaseConfig, VaultConfig } from '../platform/schema.ts';
import { describeTarget } from './notify/target.ts';
import { outcomeOfNotification, undeliveredText } from './notify/undelivered.ts';
import type { Probe } from './probe-board.ts';
import type { Outcome, Status, Tracked } from './schema.ts';
import { outcomeOf, worst } from './states.ts';

const second = 1_000;
const minute = 60 * second;

/** Connects as backups do, and asks for one row. */
export function postgresqlProbe({ name, connection }: DatabaseConfig): Probe {
  return {
    name: `postgresql-${name}`,
    everyMs: 30 * second,
    timeoutMs: 5 * second,
    async check(signal) {
      const client = await connect(connection, signal);
      try {
        const { rows } = await client.query<{ version: string }>(
          `SELECT pg_catalog.current_setting('server_version') AS version`,
        );
        return { status: 'pass', detail: `PostgreSQL ${rows[0]?.version} answers` };
      } finally {
        await client.end();
      }
    },
  };
}

/** Opens the vault with its password and lists what is in it, without taking a lock. */
export function vaultProbe(name: string, config: VaultConfig, options: { platform: string; cache: string }): Probe {
  return {
    name,
    everyMs: 10 * minute,
    timeoutMs: minute,
    async check(signal) {
      const vault = await openVault(config, options);
      const dumps = (await vault.list(signal)).filter((stored) => stored.item === 'manifest').length;
      const finding = { status: 'pass' as const, detail: `${vault.address} opens and holds ${dumps} backups` };
      return vault.local ? { ...finding, measured: { bytes: await sizeOf(vault.address, signal) } } : finding;
    },
  };
}

/** Bytes of a vault that is a directory. */
async function sizeOf(directory: string, signal: AbortSignal): Promise<number> {
  const { stdout } = await run('du', ['-s', '--block-size=1', '--', directory], { signal });
  return Number.parseInt(stdout, 10);
}

/** Below these the next backup or drill may not be recorded. */
const lowBytes = 512 * 2 ** 20;
const fullBytes = 64 * 2 ** 20;

/** Space of the state directory, and that a file can be written there. */
export function diskProbe(directory: string): Probe {
  return {
    name: 'disk',
    everyMs: 10 * second,
    timeoutMs: 5 * second,
    async check() {
      const { bavail, bsize, blocks } = await statfs(directory);
      const free = bavail * bsize;
      const file = join(directory, `.probe-${randomBytes(4).toString('hex')}`);
      try {
        await writeFile(file, 'a block of the state directory'.repeat(200), { mode: 0o600 });
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
        return { status: 'fail', detail: `${directory} cannot be written to (${code}), ${formatSize(free)} free` };
      } finally {
        await rm(file, { force: true });
      }
      const status = free < fullBytes ? 'fail' : free < lowBytes ? 'warn' : 'pass';
      const detail = `${formatSize(free)} of ${formatSize(blocks * bsize)} free for ${directory}`;
      return { status, detail, measured: { freeBytes: free } };
    },
  };
}

/** What is tracked once for the platform, as a person reads it. */
const platformWide = {
  integrity: 'vault',
  datastore: 'cluster',
  copies: 'second vault',
  retention: 'retention',
} as const;

/** The backups, the drills or the checks of the vault as one component: as bad as the worst database. */
export function stateProbe(
  name: 'backups' | 'drills' | 'integrity' | 'datastore' | 'copies' | 'retention',
  status: () => Status,
  everyMs = 10 * second,
): Probe {
  return {
    name,
    everyMs,
    timeoutMs: 5 * second,
    check() {
      const found = status();
      const rows: Array<{ name: string; tracked: Tracked }> =
        name === 'backups' || name === 'drills'
          ? found.databases.map((database) => ({ name: database.name, tracked: database[name] }))
          : [found[name]].flatMap((tracked) => (tracked ? [{ name: platformWide[name], tracked }] : []));
      const kind = name === 'backups' ? 'backup' : name === 'drills' ? 'drill' : name;
      const judged = rows.map((row) => ({ ...row, outcome: outcomeOf(kind, row.tracked.state) }));
      const bad = judged.filter((row) => row.outcome !== 'pass');
      const shown = bad.length > 0 ? bad : judged;
      return {
        status: worst(judged.map((row): Outcome => row.outcome)),
        detail: shown.map((row) => `${row.name}: ${row.tracked.state} (${row.tracked.detail})`).join('; ') || 'none',
      };
    },
  };
}

/** Everyone who is told about changes of state: is anything not delivered? */
export function notificationsProbe(status: () => Status): Probe {
  return {
    name: 'notifications',
    everyMs: 10 * second,
    timeoutMs: 5 * second,
    check() {
      const { notifications } = status();
      const bad = notifications.flatMap((one) => {
        const text = undeliveredText(one);
        return text === null ? [] : [`${describeTarget(one)}: ${text}`];
      });
      const told = notifications.map(describeTarget).join(', ') || 'no one: `ops.notify` names nobody';
      const waiting = notifications.reduce((sum, one) => sum + one.waiting, 0);
      return {
        status: worst(notifications.map(outcomeOfNotification)),
        detail: bad.length > 0 ? bad.join('; ') : `everything is delivered (${told})`,
        measured: { waiting },
      };
    },
  };
}
