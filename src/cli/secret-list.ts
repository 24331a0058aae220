import { listSecrets } from '../secrets/store.ts';
import { file } from './secret-options.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle secret list` */
export const verb = define({
  options: { file },
  examples: ['socle secret list secrets/database.yaml'],
  about: 'Names need no key: SOPS encrypts values alone.',
  async run({ file }) {
    const names = await listSecrets(file);
    const rows = names.map(({ key, encrypted }) => [key, encrypted ? 'encrypted' : 'in clear']);
    return { data: names, text: () => table(['key', 'value'], rows) };
  },
});
