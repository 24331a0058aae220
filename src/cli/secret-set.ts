import { fail } from '../kernel/errors.ts';
import { identitiesFrom } from '../secrets/identities.ts';
import { defaultRules, kubernetesRules } from '../secrets/rules.ts';
import { setSecret } from '../secrets/store.ts';
import { flag, required } from './options.ts';
import { file, identity, recipients } from './secret-options.ts';
import { verb as define } from './verb.ts';

/** A value comes by standard input alone: an argument would be in the process list. */
async function readValue(): Promise<string> {
  if (process.stdin.isTTY) {
    throw fail('usage', 'the value is read from standard input', {
      next: 'printf %s "$VALUE" | socle secret set FILE KEY',
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const data = Buffer.concat(chunks);
  const text = data.toString('utf8');
  if (!Buffer.from(text).equals(data)) {
    throw fail('usage', 'the value is not UTF-8 text, which a document holds', {
      next: 'encode it first, such as with `base64`; nothing was written',
    });
  }
  return text.replace(/\n$/, '');
}

/** `socle secret set` */
export const verb = define({
  options: {
    file,
    key: required('<key>', 'such as stringData.password'),
    recipients,
    kubernetes: flag('--kubernetes', 'a new document encrypts data and stringData alone, as Flux wants it'),
    remove: flag('--remove', 'remove the value'),
    identity,
  },
  examples: [
    'pwgen -s 40 1 | socle secret set secrets/host.yaml smtp.password --recipient age1…',
    'socle secret set secrets/host.yaml smtp.password --remove',
  ],
  about: 'Reads the value from standard input (its last line break does not count).',
  async run({ file, key, recipients, kubernetes, remove, identity }, session) {
    const value = remove ? undefined : await readValue();
    const rules = kubernetes ? kubernetesRules : defaultRules;
    const request = { file, key, value, recipients, rules };
    const { encrypted } = await setSecret(request, identitiesFrom(identity), session.clock.now());
    if (remove) return { data: { file, key, removed: true }, text: `${key} is removed from ${file}.` };
    const clear = encrypted ? '' : ' It stands in clear there: the rules of the document do not encrypt it.';
    return { data: { file, key, removed: false, encrypted }, text: `${key} is set in ${file}.${clear}` };
  },
});
