import { runBackup } from '../../src/backup/run.ts';
import { openVault } from '../../src/backup/vault-open.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openDatabase } from '../../src/kernel/sqlite.ts';
import { platformSchema } from '../../src/platform/schema.ts';

/**
 * A backup in a process of its own, to be killed: `run-backup.ts PLATFORM_JSON STATE CACHE DATABASE`. Prints each step
 * and how many bytes have flowed, one line each.
 */
const [json = '', state = '', cache = '', database = ''] = process.argv.slice(2);
const platform = platformSchema.parse(JSON.parse(json));
if (!platform.backup) throw new Error('no vault');
const say = (line: string) => process.stdout.write(`${line}\n`);
const backup = await runBackup(
  { platform, database, deep: false, actor: 'cli:test' },
  {
    db: openDatabase(state),
    vault: await openVault(platform.backup.vault, { platform: platform.name, cache }),
    clock: systemClock,
    progress: { step: (text) => say(`step ${text}`), update: (done) => say(`bytes ${done}`), note: () => {} },
  },
);
say(`done ${backup.status}`);
