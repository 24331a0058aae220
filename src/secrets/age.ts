import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { fail } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';

/** An age key pair: the identity is the secret half. */
export interface AgeKey {
  readonly identity: Secret;
  /** `age1…`: may be shown and committed. */
  readonly recipient: string;
}

export async function newAgeKey(): Promise<AgeKey> {
  const identity = await generateX25519Identity();
  return { identity: new Secret(identity), recipient: await identityToRecipient(identity) };
}

/** The public half: `age1…`. @throws `secret-key-invalid` */
export async function recipientOf(identity: Secret): Promise<string> {
  return identityToRecipient(identity.reveal()).catch((error: unknown) => {
    // The library's words may quote the key.
    const kind = error instanceof Error ? error.name : 'error';
    throw fail('secret-key-invalid', `the identity file holds a line that is no age identity (${kind})`);
  });
}

/** An identity file as `age-keygen` writes it (`.agekey` of Flux): comments, then one key a line. */
export function parseIdentities(text: string): Secret[] {
  const keys = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.startsWith('AGE-SECRET-KEY-'));
  if (keys.length === 0) {
    throw fail('secret-key-invalid', 'the identity file holds no line that starts with AGE-SECRET-KEY-');
  }
  return keys.map((key) => new Secret(key));
}

/** The file that `age-keygen` would write for this key. */
export function identityFile(key: AgeKey, created: Date): string {
  const stamp = created.toISOString().replace(/\.\d+Z$/, 'Z');
  return `# created: ${stamp}\n# public key: ${key.recipient}\n${key.identity.reveal()}\n`;
}

/** The data key of a document, encrypted to one recipient, in armour. */
export async function wrapKey(dataKey: Buffer, recipient: string): Promise<string> {
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
  } catch (error) {
    throw fail('secret-key-invalid', `${recipient} is not an age recipient (age1…)`, {}, error);
  }
  return armor.encode(await encrypter.encrypt(dataKey));
}
