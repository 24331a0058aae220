import { fail } from '../kernel/errors.ts';
import { defaultRules, kubernetesRules } from '../secrets/rules.ts';
import { readIdentities, setSecret } from '../secrets/store.ts';
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
  return Buffer.concat(chunks).toString('utf8').replace(/\n$/, '');
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
    await setSecret({ file, key, value, recipients, rules }, () => readIdentities(identity), session.clock.now());
    return { data: { file, key, removed: remove }, text: `${key} is ${remove ? 'removed from' : 'set in'} ${file}.` };
  },
});
