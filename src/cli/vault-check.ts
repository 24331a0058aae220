import { checkVault } from '../backup/vault-admin.ts';
import { exit } from '../kernel/errors.ts';
import { bad, good } from './paint.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle vault check` */
export const verb = define({
  options: {},
  examples: ['socle vault check', 'socle vault check --json'],
  about:
    'Opens each vault, counts what is ours in it, and checks its structure. `socle backup verify` reads data as well.',
  async run(_, session) {
    const [platform, deps] = [await session.platform(), await session.vaultDeps()];
    const reports = await checkVault({ platform, actor: session.actor }, deps);
    const rows = reports.map(({ address, local, snapshots, backups, structure }) => [
      address,
      local ? 'on this host' : 'elsewhere',
      String(backups),
      String(snapshots),
      structure.ok ? good('whole') : bad(structure.detail),
    ]);
    return {
      data: reports,
      text: () => table(['vault', 'where', 'backups', 'snapshots', 'structure'], rows, [2, 3]),
      exit: reports.every(({ structure }) => structure.ok) ? exit.ok : exit.notProven,
    };
  },
});
