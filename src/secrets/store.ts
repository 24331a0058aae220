import { fail } from '../kernel/errors.ts';
import { plainText } from './cipher.ts';
import { clearText, createDocument, replaceText as replaceClear, rotateDocument, setValue } from './document.ts';
import { formatOf, parseFile } from './formats/index.ts';
import { Bytes } from './leaf.ts';
import { type OpenDocument, openDocument } from './open.ts';
import { readText, replaceText } from './replace-file.ts';
import { defaultRules, type Rules } from './rules.ts';
import type { Identities } from './unwrap.ts';

async function mustRead(file: string): Promise<string> {
  const text = await readText(file);
  if (text === undefined)
    throw fail('not-found', `there is no secret document ${file}`, { next: 'socle secret set FILE KEY makes one' });
  return text;
}

/** A key such as `stringData.password`; a dot in a name is written `\.`, an element of a list by its index. */
export const parsePath = (text: string) => text.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'));

const shown = (name: readonly string[]) => name.map((part) => part.replaceAll('.', '\\.')).join('.');

/** Names of the values of a document, and which are encrypted: readable without any key. */
export async function listSecrets(file: string): Promise<Array<{ key: string; encrypted: boolean }>> {
  const document = parseFile(await mustRead(file), formatOf(file));
  return document.leaves.map(({ name, value }) => ({
    key: shown(name),
    encrypted: typeof value === 'string' && value.startsWith('ENC['),
  }));
}

/** @throws `not-found` when the document has no such key */
export async function getSecret(file: string, key: string, identities: Identities): Promise<string> {
  const { leaves } = await openDocument(await mustRead(file), formatOf(file), identities);
  const name = parsePath(key).join('\0');
  const leaf = leaves.find((each) => each.name.join('\0') === name);
  if (!leaf) throw fail('not-found', `${file} has no value called ${key}`, { next: `socle secret list ${file}` });
  const { value } = leaf;
  if (value instanceof Bytes) {
    throw fail('secret-document-unsupported', `${key} is not UTF-8 text: Socle does not print it`, {
      next: 'sops decrypt --extract prints it',
    });
  }
  return typeof value === 'boolean' ? String(value) : plainText(value).data.toString('utf8');
}

/** Sets one value; a document that is not there yet is made for `recipients`. Says whether the value is encrypted. */
export async function setSecret(
  request: { file: string; key: string; value: string | undefined; recipients: readonly string[]; rules?: Rules },
  identities: Identities,
  now: Date,
): Promise<{ readonly encrypted: boolean }> {
  const { file, key, value, recipients, rules = defaultRules } = request;
  const format = formatOf(file);
  const before = await readText(file);
  let document: OpenDocument;
  if (before !== undefined) document = await openDocument(before, format, identities);
  else if (value === undefined) throw fail('not-found', `there is no secret document ${file}`);
  else document = await createDocument(format === 'json' ? '{}' : '', format, recipients, rules, now);
  const { text, encrypted } = setValue(document, parsePath(key), value, now);
  await replaceText(file, before, text);
  return { encrypted };
}

/** Replaces the whole content in clear (an editor's result) and keeps what did not change as it was. */
export async function replaceContent(
  file: string,
  edit: (clear: string) => Promise<string>,
  identities: Identities,
  now: Date,
): Promise<boolean> {
  const text = await mustRead(file);
  const opened = await openDocument(text, formatOf(file), identities);
  const before = clearText(opened);
  const after = await edit(before);
  if (after === before) return false;
  await replaceText(file, text, replaceClear(opened, after, now));
  return true;
}

/** A new data key, for `recipients` or for those that the document has: every value is encrypted anew. */
export async function rotateSecrets(
  file: string,
  recipients: readonly string[],
  identities: Identities,
  now: Date,
): Promise<readonly string[]> {
  const text = await mustRead(file);
  const opened = await openDocument(text, formatOf(file), identities);
  const next = recipients.length > 0 ? recipients : opened.metadata.groups.flat().map(({ recipient }) => recipient);
  await replaceText(file, text, await rotateDocument(opened, next, now));
  return next;
}
