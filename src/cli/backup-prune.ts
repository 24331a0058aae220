import { type PruneResult, prune } from '../backup/prune.ts';
import type { RetentionPlan } from '../backup/retention.ts';
import { DrillStore } from '../drill/store.ts';
import { fail } from '../kernel/errors.ts';
import { formatSize } from '../kernel/units.ts';
import { flag, text } from './options.ts';
import { bad, faint, good, warn } from './paint.ts';
import { table } from './table.ts';
import type { Answer } from './verb.ts';
import { verb as define } from './verb.ts';
import type { When } from './when.ts';

/** `socle backup prune` */
export const verb = define({
  options: {
    database: text('--database <name>', 'only of this database'),
    dryRun: flag('--dry-run', 'show the plan, remove nothing'),
    yes: flag('--yes', 'do not ask'),
  },
  examples: ['socle backup prune --dry-run', 'socle backup prune --database shop --yes --json'],
  about:
    'Removes what retention does not keep, from the vault and from the second one. The plan is shown first. The last good\n' +
    'backup and the last proven one always stay, and nothing is removed after a backup that failed.',
  async run({ database, dryRun, yes }, session) {
    const platform = await session.platform();
    const deps = await session.vaultDeps();
    const { actor } = session;
    const when = await session.when();
    const preview = await prune({ platform, database, actor, dryRun: true }, deps);
    const leaving = preview.plan.rows.filter(({ keep }) => !keep);
    const answer: Answer = { data: preview, text: () => planText(preview.plan, when) };
    if (dryRun) return answer;
    if (!session.json) await session.show(answer);
    if (leaving.length > 0 && !yes && !(await session.confirm(`Remove ${count(leaving.length)}?`))) {
      throw fail('not-confirmed', `${count(leaving.length)} would be removed`, {
        leaving: leaving.map(({ backup }) => backup.id),
      });
    }
    const drills = new DrillStore(deps.db).summaries();
    const drillsOf = (id: string) => drills.filter(({ backup }) => backup === id).map((drill) => drill.id);
    const result = await prune({ platform, database, actor, dryRun: false }, { ...deps, drillsOf });
    return { data: result, text: () => resultText(result) };
  },
});

function planText({ rows, suspended }: RetentionPlan, when: When): string {
  if (rows.length === 0) return 'there are no backups';
  const lines = table(
    ['', 'id', 'database', 'snapshot', 'status', 'why'],
    rows.map(({ backup, keep, reasons }) => [
      keep ? good('keep') : bad('remove'),
      backup.id,
      backup.database,
      when(backup.timestamp),
      backup.status,
      faint(reasons.join(', ')),
    ]),
  );
  return [lines, ...suspended.map(({ database, reason }) => warn(`nothing of ${database} is removed: ${reason}`))].join(
    '\n',
  );
}

function resultText({ removed, freedBytes, warnings }: PruneResult): string {
  const done =
    removed.length === 0 ? 'nothing to remove' : `removed ${count(removed.length)}, freed ${formatSize(freedBytes)}`;
  return [done, ...warnings.map(warn)].join('\n');
}

const count = (backups: number) => (backups === 1 ? '1 backup' : `${backups} backups`);
