import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { parseIdentities } from './age.ts';
import { newDocument, openDocument, rotate, sealDocument } from './document.ts';
import { formatOf, parseFile } from './formats/index.ts';
import { defaultRules, type Rules } from './rules.ts';

/** Where the operator's age identities are: `file`, else `SOPS_AGE_KEY_FILE`, else `~/.config/sops/age/keys.txt` as for sops. */
export function identityPath(file: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const config = env.XDG_CONFIG_HOME || join(homedir(), '.config');
  return file ?? (env.SOPS_AGE_KEY_FILE || join(config, 'sops/age/keys.txt'));
}

/** The operator's age identities. @throws `secret-unreadable`, `secret-key-invalid` */
export async function readIdentities(
  file: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Secret[]> {
  const path = identityPath(file, env);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw fail('secret-unreadable', `the identity file ${path} could not be read (${error.code})`, { file: path });
  });
  return parseIdentities(text);
}

/** All of it or nothing: a full disk or a kill leaves the old document. */
async function replaceFile(file: string, text: string): Promise<void> {
  const next = join(dirname(file), `.${basename(file)}.next`);
  await writeFile(next, text, { mode: 0o600, flush: true });
  await rename(next, file);
}

async function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw fail('secret-unreadable', `${file} could not be read (${error.code})`, { file });
  });
}

async function mustRead(file: string): Promise<string> {
  const text = await read(file);
  if (text === undefined)
    throw fail('not-found', `there is no secret document ${file}`, { next: 'socle secret set FILE KEY makes one' });
  return text;
}

/** A key such as `stringData.password`; a dot in a name is written `\.`. */
export const parsePath = (text: string) => text.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'));

/** Names of the values of a document, and which are encrypted: readable without any key. */
export async function listSecrets(file: string): Promise<Array<{ key: string; encrypted: boolean }>> {
  const document = parseFile(await mustRead(file), formatOf(file));
  return document
    .leaves()
    .filter(({ value }) => typeof value !== 'object')
    .map(({ path, value }) => ({
      key: path.join('.'),
      encrypted: typeof value === 'string' && value.startsWith('ENC['),
    }));
}

/** @throws `not-found` when the document has no such key */
export async function getSecret(file: string, key: string, identities: readonly Secret[]): Promise<string> {
  const { file: opened } = await openDocument(await mustRead(file), formatOf(file), identities);
  const path = parsePath(key);
  const leaf = opened
    .leaves()
    .find((each) => typeof each.value !== 'object' && each.path.join('\0') === path.join('\0'));
  if (!leaf) throw fail('not-found', `${file} has no value called ${key}`, { next: `socle secret list ${file}` });
  return String(leaf.value);
}

/** Sets one value; a document that is not there yet is made for `recipients`. */
export async function setSecret(
  request: { file: string; key: string; value: string | undefined; recipients: readonly string[]; rules?: Rules },
  identities: () => Promise<readonly Secret[]>,
  now: Date,
): Promise<void> {
  const { file, key, value, recipients, rules = defaultRules } = request;
  const format = formatOf(file);
  const text = await read(file);
  const empty = format === 'env' ? '' : '{}';
  const document =
    text === undefined
      ? await newDocument(empty, format, recipients, rules)
      : await openDocument(text, format, await identities());
  document.file.setValue(parsePath(key), value);
  await replaceFile(file, sealDocument(document, now));
}

/** Replaces the whole content in clear (an editor's result) and keeps what did not change as it was. */
export async function replaceContent(
  file: string,
  edit: (clear: string) => Promise<string>,
  identities: readonly Secret[],
  now: Date,
): Promise<boolean> {
  const opened = await openDocument(await mustRead(file), formatOf(file), identities);
  const before = opened.file.toString();
  const after = await edit(before);
  if (after === before) return false;
  await replaceFile(file, sealDocument({ ...opened, file: parseFile(after, formatOf(file)) }, now));
  return true;
}

/** A new data key, for `recipients` or for those that the document has: every value is encrypted anew. */
export async function rotateSecrets(
  file: string,
  recipients: readonly string[],
  identities: readonly Secret[],
  now: Date,
): Promise<readonly string[]> {
  const opened = await openDocument(await mustRead(file), formatOf(file), identities);
  const next = recipients.length > 0 ? recipients : opened.metadata.age.map(({ recipient }) => recipient);
  await replaceFile(file, sealDocument(await rotate(opened, next), now));
  return next;
}
