import { identitiesFrom } from '../secrets/identities.ts';
import { getSecret } from '../secrets/store.ts';
import { required } from './options.ts';
import { file, identity } from './secret-options.ts';
import { verb as define } from './verb.ts';

/** `socle secret get` */
export const verb = define({
  options: { file, key: required('<key>', 'such as stringData.password'), identity },
  examples: ['socle secret get secrets/database.yaml stringData.password --identity operator.agekey'],
  async run({ file, key, identity }) {
    const value = await getSecret(file, key, identitiesFrom(identity));
    return { data: { key, value }, text: value };
  },
});
