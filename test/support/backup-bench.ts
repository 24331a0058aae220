import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { BackupDeps } from '../../src/backup/run.ts';
import type { Vault } from '../../src/backup/vault.ts';
import { openVault } from '../../src/backup/vault-open.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { run } from '../../src/kernel/process.ts';
import type { Progress } from '../../src/kernel/progress.ts';
import { openDatabase } from '../../src/kernel/sqlite.ts';
import { type Platform, platformSchema } from '../../src/platform/schema.ts';
import { makeKeyCheap } from './cheap-key.ts';
import type { TestServer } from './postgres.ts';

/** A state directory and an initialised local vault in a temporary directory. */
export interface BackupBench {
  readonly directory: string;
  readonly db: DatabaseSync;
  readonly vault: Vault;
  /** A platform with these databases of the server, named after their databases with hyphens. */
  platform(server: TestServer, databases: readonly string[], options?: DatabaseOptions): Platform;
  /** The same as a platform file would hold it. */
  source(server: TestServer, databases: readonly string[], options?: DatabaseOptions): unknown;
  deps(options?: { progress?: Progress; signal?: AbortSignal }): BackupDeps;
  dispose(): Promise<void>;
}

export interface DatabaseOptions {
  readonly user?: string;
  readonly lock_timeout?: string;
  readonly role_passwords?: boolean;
  readonly shrink_warning?: number;
}

/** Socle's name for a database of a test server. */
export const nameOf = (database: string) => database.replaceAll('_', '-');

export const quiet: Progress = { step: () => {}, update: () => {}, note: () => {} };

/** Calls `reached` once with each step's first words, such as `dumping`. */
export function atStep(word: string, reached: () => void, also: Partial<Progress> = {}): Progress {
  return {
    ...quiet,
    ...also,
    step: (text) => {
      if (text.startsWith(word)) reached();
    },
  };
}

/** @param options with `sizeOfVault` (such as `2m`) the vault is on a file system of that size, which needs root */
export async function makeBackupBench({ sizeOfVault }: { sizeOfVault?: string } = {}): Promise<BackupBench> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-backup-'));
  if (sizeOfVault !== undefined) {
    mkdirSync(join(directory, 'vault'));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeOfVault}`, 'tmpfs', join(directory, 'vault')]);
  }
  const password = join(directory, 'vault.password');
  writeFileSync(password, randomBytes(16).toString('hex'), { mode: 0o600 });
  const vaultConfig = { repository: join(directory, 'vault'), password: { file: password } };
  const sourceOf = (databases: readonly unknown[]) => ({
    name: 'test',
    environment: 'dev',
    databases,
    backup: { vault: vaultConfig },
  });
  const source: BackupBench['source'] = (server, databases, { user = 'postgres', ...options } = {}) =>
    sourceOf(
      databases.map((database) => ({
        name: nameOf(database),
        connection: { host: server.host, port: server.port, database, user },
        ...options,
      })),
    );
  const config = platformSchema.parse(sourceOf([])).backup;
  if (!config) throw new Error('unreachable');
  const vault = await openVault(config.vault, { platform: 'test', cache: join(directory, 'cache'), lockWait: 20_000 });
  await vault.init();
  await makeKeyCheap(vaultConfig.repository, password);
  const db = openDatabase(join(directory, 'state.db'));
  return {
    directory,
    db,
    vault,
    source,
    platform: (...args) => platformSchema.parse(source(...args)),
    deps: ({ progress = quiet, signal } = {}) => ({
      db,
      vault,
      clock: systemClock,
      progress,
      ...(signal ? { signal } : {}),
    }),
    async dispose() {
      db.close();
      if (sizeOfVault !== undefined) await run('umount', [join(directory, 'vault')]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
