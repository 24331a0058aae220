import { runDrill } from '../drill/run.ts';
import type { Verdict } from '../drill/schema.ts';
import { type ExitCode, exit } from '../kernel/errors.ts';
import { yieldToOthers } from '../kernel/priority.ts';
import { drillText } from './drill-text.ts';
import { flag, text } from './options.ts';
import { verb as define } from './verb.ts';

const exits: Readonly<Record<Verdict, ExitCode>> = {
  proven: exit.ok,
  mismatch: exit.notProven,
  'artifact-damaged': exit.notProven,
  'source-inconsistent': exit.notProven,
  'not-tested': exit.notTested,
};

/** `socle drill run` */
export const verb = define({
  options: {
    database: text('--database <name>', 'which database (needed when there are several)'),
    backup: text('--backup <id>', 'which backup (default: the newest good one)'),
    deep: flag('--deep', 'only a backup whose tables were hashed on the source: prove it against the source as well'),
    showValues: flag('--show-values', 'values of rows may stand in the report'),
  },
  examples: [
    'socle drill run --database shop',
    'socle drill run --backup b-20261122t021500z-4f9c1a',
    'socle drill run --database shop --deep --json > report.json',
  ],
  about:
    'Restores a backup onto an empty PostgreSQL server of its own, in a sandbox, and compares every table and object.\n' +
    'Exit code 0: proven; 3: not proven; 5: could not be tested, which says nothing about the backup.',
  async run({ database, backup, deep, showValues }, session) {
    const { progress, signal, clock, actor } = session;
    const [platform, db, vault] = [await session.platform(), await session.state(), await session.vault()];
    const report = await runDrill(
      { platform, database, backup, deep, showValues, actor },
      { db, vault, clock, progress, signal, beforeProof: async () => yieldToOthers() },
    );
    const when = await session.when();
    return { data: report, text: () => drillText(report, false, when), exit: exits[report.verdict] };
  },
});
