import { createHash } from 'node:crypto';
import { fail, SocleError } from '../kernel/errors.ts';
import { open, plainText } from './cipher.ts';
import { type Format, parseFile } from './formats/index.ts';
import { Comment, type Leaf, type LeafValue, type SecretText } from './leaf.ts';
import { type Metadata, readMetadata } from './metadata.ts';
import { isEncrypted, type Rules } from './rules.ts';
import { type Identities, unwrapDataKey } from './unwrap.ts';

/** A value in clear, and the nonce that sealed it: an unchanged value keeps its text. */
export interface OpenLeaf extends Leaf {
  readonly iv: Buffer | undefined;
}

export interface OpenComment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The path and nonce that it was sealed with; undefined for a comment that stands in clear. */
  readonly sealed: { readonly path: readonly string[]; readonly iv: Buffer } | undefined;
}

export interface OpenDocument {
  readonly format: Format;
  /** As it stands in the file, encrypted. */
  readonly source: SecretText;
  readonly metadata: Metadata;
  readonly dataKey: Buffer;
  readonly leaves: readonly OpenLeaf[];
  readonly comments: readonly OpenComment[];
}

/** Marks a MAC over the encrypted values alone (SOPS: SHA-256 of `sops`). */
const macOnlyEncryptedSeed = createHash('sha256').update('sops').digest();

/** SHA-512 over the values in their order, in upper-case hexadecimal; comments do not count. */
export function macOf(leaves: readonly { path: readonly string[]; value: LeafValue }[], rules: Rules): string {
  const hash = createHash('sha512');
  if (rules.mac_only_encrypted) hash.update(macOnlyEncryptedSeed);
  for (const { path, value } of leaves) {
    if (rules.mac_only_encrypted && !isEncrypted(path, rules)) continue;
    hash.update(plainText(value).data);
  }
  return hash.digest('hex').toUpperCase();
}

function openLeaf(leaf: Leaf, dataKey: Buffer, rules: Rules): OpenLeaf {
  if (!isEncrypted(leaf.path, rules)) return { ...leaf, iv: undefined };
  if (typeof leaf.value !== 'string') {
    throw fail('secret-document-tampered', `${leaf.name.join('.')} is not encrypted, although the rules ask for it`);
  }
  const opened = open(leaf.value, dataKey, leaf.path);
  if (opened.value instanceof Comment) {
    const what = `${leaf.name.join('.')} is an encrypted comment that became an element of its list`;
    throw fail('secret-document-unsupported', `${what}: sops does this, and cannot read it again`);
  }
  return { ...leaf, ...opened };
}

/** Comments may be in clear: sops takes them so, and formats differ in which branch they hang one on. */
function openComments(source: SecretText, dataKey: Buffer): OpenComment[] {
  return source.comments.map(({ start, end, text, paths }) => {
    for (const path of text.startsWith('ENC[') ? paths : []) {
      try {
        const { value, iv } = open(text, dataKey, path);
        return { start, end, text: plainText(value).data.toString('utf8'), sealed: { path, iv } };
      } catch {}
    }
    return { start, end, text, sealed: undefined };
  });
}

/** Decrypts every value with a key that is known, and checks the MAC over all of them. */
export function openWith(text: string, format: Format, dataKey: Buffer): OpenDocument {
  const source = parseFile(text, format);
  const metadata = readMetadata(source.metadata);
  try {
    const leaves = source.leaves.map((leaf) => openLeaf(leaf, dataKey, metadata.rules));
    const expected = open(metadata.mac, dataKey, metadata.lastmodified).value;
    if (expected !== macOf(leaves, metadata.rules)) {
      throw fail('secret-document-tampered', 'the MAC does not match: a value was changed, added or removed by hand');
    }
    return { format, source, metadata, dataKey, leaves, comments: openComments(source, dataKey) };
  } catch (error) {
    // With an entry that SOPS 3.13 does not have, the document may follow rules that are not ours.
    if (!(error instanceof SocleError) || error.code !== 'secret-document-tampered' || metadata.unknown.length === 0)
      throw error;
    const entries = metadata.unknown.join(', ');
    throw fail(
      'secret-document-unsupported',
      `the sops section has ${entries}, which sops 3.13 does not know; ${error.message}`,
    );
  }
}

/**
 * Opens a document with one of the identities.
 * @throws `secret-key-missing`, `secret-document-tampered`, `secret-document-invalid`, `secret-document-unsupported`
 */
export async function openDocument(text: string, format: Format, identities: Identities): Promise<OpenDocument> {
  const metadata = readMetadata(parseFile(text, format).metadata);
  return openWith(text, format, await unwrapDataKey(metadata, identities));
}
