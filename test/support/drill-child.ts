import { openVault } from '../../src/backup/vault-open.ts';
import { runDrill } from '../../src/drill/run.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openDatabase } from '../../src/kernel/sqlite.ts';
import type { Platform } from '../../src/platform/schema.ts';
import { quiet } from './backup-bench.ts';

/** A drill in a process of its own, to be killed. Argument: JSON of what it needs. Prints each step. */
const { platform, backup, state, cache } = JSON.parse(process.argv[2] ?? '') as {
  platform: Platform;
  backup: string;
  state: string;
  cache: string;
};
const config = platform.backup;
if (!config) throw new Error('the platform has no vault');
const vault = await openVault(config.vault, { platform: platform.name, cache });
const progress = { ...quiet, step: (text: string) => void process.stdout.write(`${text}\n`) };
await runDrill(
  { platform, backup, deep: false, showValues: false, actor: 'cli:test' },
  { db: openDatabase(state), vault, clock: systemClock, progress },
);
