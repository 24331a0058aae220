import { open } from 'node:fs/promises';
import { fail } from '../kernel/errors.ts';
import { identityFile, newAgeKey } from '../secrets/age.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle secret keygen` */
export const verb = define({
  options: { file: required('<file>', 'new file for the identity (mode 0600)') },
  examples: ['socle secret keygen operator.agekey'],
  about:
    'Writes an identity as age-keygen does. Keep it off the host and out of Git; the recipient (age1…) may be shown.',
  async run({ file }, session) {
    const key = await newAgeKey();
    const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw fail('usage', error.code === 'EEXIST' ? `${file} exists and is not overwritten` : `${file}: ${error.code}`);
    });
    await handle.writeFile(identityFile(key, session.clock.now()));
    await handle.close();
    return { data: { file, recipient: key.recipient }, text: key.recipient };
  },
});
