import { resolve } from 'node:path';
import { addVaultKey } from '../backup/vault-admin.ts';
import { required, text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle vault key add` */
export const verb = define({
  options: {
    file: required('<password-file>', 'file with the password of the new key'),
    label: text('--label <name>', 'what the key is for (default: recovery)'),
  },
  examples: ['socle vault key add /media/usb/vault.password', 'socle vault key add kit.password --label recovery-2026'],
  about:
    'Adds a second key to each vault: the password in the file opens it from then on, beside the one of this host.',
  async run({ file, label = 'recovery' }, session) {
    const [platform, deps] = [await session.platform(), await session.vaultDeps()];
    const request = { platform, actor: session.actor, passwordFile: resolve(file), label };
    const keys = await addVaultKey(request, deps);
    return { data: keys, text: keys.map(({ address, key }) => `${address}: added key ${key}`).join('\n') };
  },
});
