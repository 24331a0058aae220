import { reindex } from '../backup/reindex.ts';
import { reindexDrills } from '../drill/reindex.ts';
import { warn } from './paint.ts';
import { pairs } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle backup reindex` */
export const verb = define({
  options: {},
  examples: ['socle backup reindex', 'socle backup reindex --json'],
  about: 'Rebuilds the catalog of backups and drills from the vault alone, such as on another machine.',
  async run(_, session) {
    const [platform, deps] = [await session.platform(), await session.vaultDeps()];
    const backups = await reindex({ platform, actor: session.actor }, deps);
    const { drills, warnings } = await reindexDrills(deps);
    const result = { ...backups, drills, warnings: [...backups.warnings, ...warnings] };
    const { found, lost } = result;
    return {
      data: result,
      text: () =>
        pairs([
          [
            'found',
            `${found.good} good backups, ${found.incomplete} incomplete, ${found.damaged} damaged; ${drills} drills`,
          ],
          ['lost', lost.length > 0 ? warn(`known here and no longer in the vault: ${lost.join(', ')}`) : null],
          ['warnings', result.warnings.length > 0 ? warn(result.warnings.join('\n')) : null],
        ]),
    };
  },
});
