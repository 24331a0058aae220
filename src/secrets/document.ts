import { createHash, randomBytes } from 'node:crypto';
import { fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { unwrapKey, wrapKey } from './age.ts';
import { open, plainText, seal } from './cipher.ts';
import { type Format, parseFile } from './formats/index.ts';
import { Comment, type Leaf, type LeafValue, type Metadata, type SecretFile } from './leaf.ts';
import { isEncrypted, type Rules } from './rules.ts';

/** Marks a MAC over the encrypted values alone (SOPS: SHA-256 of `sops`). */
const macOnlyEncryptedSeed = createHash('sha256').update('sops').digest();

/** The version of SOPS whose format this is. */
const sopsVersion = '3.13.2';

/** A document in clear, with what is needed to write it back with as few changed lines as possible. */
export interface OpenDocument {
  readonly file: SecretFile;
  readonly metadata: Metadata;
  readonly dataKey: Buffer;
  /** Nonces by path and value: an unchanged value keeps its text. */
  readonly nonces: ReadonlyMap<string, Buffer>;
}

/** SHA-512 over the values in their order, in upper-case hexadecimal; comments do not count. */
function macOf(values: readonly { path: readonly string[]; value: LeafValue }[], rules: Rules): string {
  const hash = createHash('sha512');
  if (rules.mac_only_encrypted) hash.update(macOnlyEncryptedSeed);
  for (const { path, value } of values) {
    if (value instanceof Comment) continue;
    if (rules.mac_only_encrypted && !isEncrypted(path, rules)) continue;
    hash.update(plainText(value).text);
  }
  return hash.digest('hex').toUpperCase();
}

function nonceName(path: readonly string[], value: LeafValue): string {
  const { text, type } = plainText(value);
  return JSON.stringify([path, type, text]);
}

function openLeaf(leaf: Leaf, dataKey: Buffer) {
  if (!(leaf.value instanceof Comment)) {
    if (typeof leaf.value !== 'string') {
      throw fail('secret-document-tampered', `${leaf.path.join('.')} is not encrypted, although the rules ask for it`);
    }
    return open(leaf.value, dataKey, leaf.path);
  }
  // A comment may be in clear (SOPS before 3.1), and formats differ in which branch they hang it on.
  for (let depth = leaf.path.length; depth >= 0; depth -= 1) {
    try {
      return open(leaf.value.text, dataKey, leaf.path.slice(0, depth));
    } catch {}
  }
  return undefined;
}

/**
 * Decrypts every value and checks the MAC over all of them.
 * @throws `secret-key-missing`, `secret-document-tampered`, `secret-document-invalid`
 */
export async function openDocument(text: string, format: Format, identities: readonly Secret[]): Promise<OpenDocument> {
  const file = parseFile(text, format);
  const metadata = file.metadata();
  if (!metadata) throw fail('secret-document-invalid', 'the document has no `sops` section: it is not encrypted');
  const dataKey = await unwrapKey(metadata.age, identities);
  file.setMetadata(undefined);
  const nonces = new Map<string, Buffer>();
  for (const leaf of file.leaves()) {
    if (!isEncrypted(leaf.path, metadata)) continue;
    const opened = openLeaf(leaf, dataKey);
    if (!opened) continue;
    leaf.set(opened.value);
    if (opened.iv.length > 0) nonces.set(nonceName(leaf.path, opened.value), opened.iv);
  }
  const expected = open(metadata.mac, dataKey, metadata.lastmodified).value;
  if (expected !== macOf(file.leaves(), metadata)) {
    throw fail('secret-document-tampered', 'the MAC does not match: a value was changed, added or removed by hand');
  }
  return { file, metadata, dataKey, nonces };
}

/** Encrypts an open document again with its own data key, rules and recipients. */
export function sealDocument(document: OpenDocument, now: Date): string {
  const { file, dataKey, nonces } = document;
  const leaves = file.leaves();
  const lastmodified = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const mac = seal(macOf(leaves, document.metadata), dataKey, lastmodified);
  for (const leaf of leaves) {
    if (!isEncrypted(leaf.path, document.metadata)) continue;
    const text = seal(leaf.value, dataKey, leaf.path, nonces.get(nonceName(leaf.path, leaf.value)));
    leaf.set(leaf.value instanceof Comment ? new Comment(text) : text);
  }
  file.setMetadata({ ...document.metadata, lastmodified, mac, version: sopsVersion });
  return file.toString();
}

/** A document in clear, with a new data key for these recipients. */
export async function newDocument(
  text: string,
  format: Format,
  recipients: readonly string[],
  rules: Rules,
): Promise<OpenDocument> {
  if (recipients.length === 0) throw fail('secret-key-invalid', 'a secret needs at least one age recipient');
  const file = parseFile(text, format);
  if (file.metadata()) throw fail('secret-document-invalid', 'the document is encrypted already');
  const dataKey = randomBytes(32);
  const age: Metadata['age'] = [];
  for (const recipient of recipients) age.push({ recipient, enc: await wrapKey(dataKey, recipient) });
  return {
    file,
    metadata: { age, lastmodified: '', mac: '', version: sopsVersion, ...rules },
    dataKey,
    nonces: new Map(),
  };
}

/** The same document with a new data key, for these recipients: every value is encrypted anew. */
export async function rotate(document: OpenDocument, recipients: readonly string[]): Promise<OpenDocument> {
  const dataKey = randomBytes(32);
  const age: Metadata['age'] = [];
  for (const recipient of recipients) age.push({ recipient, enc: await wrapKey(dataKey, recipient) });
  return { file: document.file, metadata: { ...document.metadata, age }, dataKey, nonces: new Map() };
}
