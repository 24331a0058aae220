import { identitiesFrom } from '../secrets/identities.ts';
import { rotateSecrets } from '../secrets/store.ts';
import { file, identity, recipients } from './secret-options.ts';
import { verb as define } from './verb.ts';

/** `socle secret rotate` */
export const verb = define({
  options: { file, recipients, identity },
  examples: [
    'socle secret rotate secrets/host.yaml',
    'socle secret rotate secrets/host.yaml --recipient age1… --recipient age1…',
  ],
  about:
    'Encrypts every value with a new data key, for the recipients given, else for those that the document has.\n' +
    'Who could read the old document still knows its values: change these as well.',
  async run({ file, recipients, identity }, session) {
    const now = await rotateSecrets(file, recipients, identitiesFrom(identity), session.clock.now());
    return {
      data: { file, recipients: now },
      text: `${file} has a new data key, for:\n${now.map((each) => `  ${each}`).join('\n')}`,
    };
  },
});
