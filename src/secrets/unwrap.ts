import { armor, Decrypter } from 'age-encryption';
import { fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Metadata, WrappedKey } from './metadata.ts';
import { combine } from './shamir.ts';

/** The identities at hand for a document of these recipients. */
export type Identities = (recipients: readonly string[]) => Promise<readonly Secret[]>;

async function unwrapOne(keys: readonly WrappedKey[], identities: readonly Secret[]): Promise<Buffer | undefined> {
  for (const { enc } of keys) {
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity.reveal());
    const key = await Promise.resolve()
      .then(() => decrypter.decrypt(armor.decode(enc)))
      .catch(() => undefined);
    if (key) return Buffer.from(key);
  }
  return undefined;
}

/**
 * The data key, by those of our identities that open one of its wrapped copies, or enough of its parts.
 * @throws `secret-key-missing`, naming the recipients
 */
export async function unwrapDataKey(metadata: Metadata, identities: Identities): Promise<Buffer> {
  const { groups, threshold, otherKinds } = metadata;
  const recipients = groups.flat().map(({ recipient }) => recipient);
  const others =
    otherKinds.length === 0 ? '' : `${recipients.length > 0 ? ' and ' : ''}recipients by ${otherKinds.join(', ')}`;
  const whom = `${recipients.join(', ')}${others}`;
  if (recipients.length === 0) {
    throw fail('secret-key-missing', `the document is for ${whom || 'no one'}: Socle opens documents by age alone`, {
      recipients,
      next: 'add an age recipient with sops (`sops rotate --add-age age1… -i FILE`), or use sops',
    });
  }
  const ours = await identities(recipients);
  const opened = await Promise.all(groups.map((group) => unwrapOne(group, ours)));
  const parts = opened.filter((part) => part !== undefined);
  const key = groups.length === 1 ? parts[0] : parts.length >= threshold ? combine(parts) : undefined;
  if (key?.length === 32) return key;
  const need = groups.length > 1 ? ` (keys of ${threshold} of its ${groups.length} key groups are needed)` : '';
  throw fail('secret-key-missing', `the document is for ${whom}${need}, and none of the given identities is enough`, {
    recipients,
  });
}
