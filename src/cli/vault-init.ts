import { initVault } from '../backup/vault-admin.ts';
import { flag } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle vault init` */
export const verb = define({
  options: { anew: flag('--anew', 'make an empty vault although the catalog knows backups in one that is gone') },
  examples: ['socle vault init'],
  about:
    'Creates the vault, and the second one where the platform file has it. One that is there already stays as it is.\n' +
    'Keep the password, or a second key (`socle vault key add`), off this host: without one every backup is lost.',
  async run({ anew }, session) {
    const [platform, deps] = [await session.platform(), await session.vaultDeps()];
    const result = await initVault({ platform, actor: session.actor, anew }, deps);
    const lines = result.vaults.map(
      ({ address, created }) => `${address}: ${created ? 'created' : 'was there already, and opens'}`,
    );
    return { data: result, text: lines.join('\n') };
  },
});
