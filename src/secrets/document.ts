import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fail } from '../kernel/errors.ts';
import { wrapKey } from './age.ts';
import { plainText, sameValue, seal } from './cipher.ts';
import { type Format, parseFile } from './formats/index.ts';
import { formatFloat } from './go-scalar.ts';
import { Comment, type Leaf, type SecretText, splice } from './leaf.ts';
import { macOf, type OpenDocument, openWith } from './open.ts';
import { invalid } from './refuse.ts';
import { isEncrypted, type Rules } from './rules.ts';

/** The version of SOPS whose format new documents have. */
const sopsVersion = '3.13.2';

type Named = Pick<Leaf, 'name' | 'value'>;
const nameOf = (name: readonly string[]) => JSON.stringify(name);

/** Reads back what was sealed, as sops would, before anything is replaced. @throws `secret-document-unsupported` */
function proven(text: string, format: Format, dataKey: Buffer, expected: readonly Named[], metadata: unknown): string {
  const again = openWith(text, format, dataKey);
  const rest = ({ lastmodified, mac, ...others }: Record<string, unknown>) => others;
  const found = new Map(again.leaves.map(({ name, value }) => [nameOf(name), value]));
  const wrong = expected.find(({ name, value }) => {
    const read = found.get(nameOf(name));
    return read === undefined || !sameValue(read, value);
  });
  const more = again.leaves.length !== expected.length;
  const other =
    metadata !== undefined &&
    !isDeepStrictEqual(rest({ ...again.source.metadata?.value }), rest({ ...(metadata as object) }));
  if (!wrong && !more && !other) return text;
  const what = wrong ? wrong.name.join('.') : other ? 'the sops section' : 'the number of its values';
  throw fail('secret-document-unsupported', `${what} would not be read back as it was written: nothing was changed`);
}

/** Puts the time and the MAC of its values into an encrypted text. */
function stamped(text: string, format: Format, leaves: readonly Named[], document: Sealing, now: Date): string {
  const source = parseFile(text, format);
  const values = new Map(leaves.map(({ name, value }) => [nameOf(name), value]));
  const inOrder = source.leaves.map(({ name, path, value }) => ({ path, value: values.get(nameOf(name)) ?? value }));
  const lastmodified = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const mac = seal(macOf(inOrder, document.rules), document.dataKey, lastmodified);
  const places = source.metadata;
  if (!places?.lastmodified || !places.mac) throw fail('secret-document-invalid', 'the sops section has no mac');
  // Quoted as a text: unquoted it is a timestamp to YAML.
  const time = format === 'env' ? lastmodified : JSON.stringify(lastmodified);
  return splice(text, [
    { ...places.lastmodified, by: time },
    { ...places.mac, by: source.literal(mac, places.mac) },
  ]);
}

interface Sealing {
  readonly dataKey: Buffer;
  readonly rules: Rules;
}

/** Sets one value as text, or removes it; every other byte but time and MAC stays. Returns the proven new text. */
export function setValue(
  document: OpenDocument,
  name: readonly string[],
  value: string | undefined,
  now: Date,
): { readonly text: string; readonly encrypted: boolean } {
  if (name.includes('')) throw fail('usage', 'a part of the key is empty: a dot in a name is written \\.');
  if (name[0] === 'sops' && document.format !== 'env') throw fail('usage', '`sops` at the top belongs to sops itself');
  const { format, source, dataKey } = document;
  const { rules } = document.metadata;
  const metadata = source.metadata?.value;
  const kept = document.leaves.filter((leaf) => nameOf(leaf.name) !== nameOf(name));
  if (value === undefined) {
    const text = source.without(name);
    if (text === undefined)
      throw fail('not-found', `there is no value called ${name.join('.')}`, { next: 'socle secret list FILE' });
    const below = (leaf: Named) => name.every((part, i) => leaf.name[i] === part);
    const left = kept.filter((leaf) => !below(leaf));
    return {
      text: proven(stamped(text, format, left, { dataKey, rules }, now), format, dataKey, left, metadata),
      encrypted: false,
    };
  }
  const before = document.leaves.find((leaf) => nameOf(leaf.name) === nameOf(name));
  const draft = parseFile(source.withValue(name), format);
  const leaf = draft.leaves.find((each) => nameOf(each.name) === nameOf(name));
  if (!leaf)
    throw fail(
      'secret-document-unsupported',
      `${name.join('.')} would not be read back as it was written: nothing was changed`,
    );
  const encrypted = isEncrypted(leaf.path, rules);
  const same = before && sameValue(before.value, value) ? before.iv : undefined;
  // What the format cannot hold in clear could not be shown again, so it is refused even where it is encrypted.
  const clear = draft.literal(value, leaf);
  const text = splice(draft.text, [
    { ...leaf, by: encrypted ? draft.literal(seal(value, dataKey, leaf.path, same), leaf) : clear },
  ]);
  const after = [...kept, { name, value }];
  return {
    text: proven(stamped(text, format, after, { dataKey, rules }, now), format, dataKey, after, metadata),
    encrypted,
  };
}

/** The document in clear, without its `sops` section, as an editor shows it. @throws `secret-document-unsupported` */
export function clearText(document: OpenDocument): string {
  const { source, format, leaves, comments } = document;
  const values = leaves.flatMap((leaf) => (leaf.iv?.length ? [{ ...leaf, by: source.literal(leaf.value, leaf) }] : []));
  const opened = comments.flatMap(({ sealed, ...comment }) =>
    sealed && !comment.text.includes('\n') ? [{ ...comment, by: `#${comment.text}` }] : [],
  );
  const { clear } = parseFile(splice(source.text, [...values, ...opened]), format).split();
  const read = parseFile(clear, format).leaves;
  const wrong = leaves.find((leaf, i) => {
    const other = read[i];
    return !other || nameOf(other.name) !== nameOf(leaf.name) || !sameValue(other.value, leaf.value);
  });
  if (!wrong && read.length === leaves.length) return clear;
  throw fail(
    'secret-document-unsupported',
    `${wrong?.name.join('.') ?? 'a value'} cannot be shown in clear and read again: set values one by one`,
  );
}

/** A clear text with its values and comments sealed; what `document` had already keeps its text. */
function sealed(clear: SecretText, { dataKey, rules }: Sealing, document?: OpenDocument): string {
  const nonces = new Map(document?.leaves.map((leaf) => [nameOf(leaf.name), leaf]));
  const values = clear.leaves.flatMap((leaf) => {
    if (typeof leaf.value === 'number') checkDigits(clear.text, leaf, leaf.value);
    if (!isEncrypted(leaf.path, rules) || plainText(leaf.value).data.length === 0) return [];
    const before = nonces.get(nameOf(leaf.name));
    const iv = before && sameValue(before.value, leaf.value) ? before.iv : undefined;
    return [{ ...leaf, by: clear.literal(seal(leaf.value, dataKey, leaf.path, iv), leaf) }];
  });
  const known = new Map(document?.comments.map((comment) => [comment.text, comment.sealed]));
  const comments = clear.comments.flatMap(({ text, paths, start, end }) => {
    const path = known.get(text)?.path ?? paths[0] ?? [];
    if (text === '' || (known.has(text) && !known.get(text)) || !isEncrypted(path, rules)) return [];
    return [{ start, end, by: `#${seal(new Comment(text), dataKey, path, known.get(text)?.iv)}` }];
  });
  return splice(clear.text, [...values, ...comments]);
}

function checkDigits(text: string, leaf: Leaf, value: number): void {
  const source = text.slice(leaf.start, leaf.end);
  if (/^[-+]?[\d_]+$/.test(source) && formatFloat(value) !== String(BigInt(source.replaceAll(/[+_]/g, '')))) {
    throw invalid(text, leaf.start, 'sops would keep only the first digits of this number: put it in quotes');
  }
}

function parseClear(text: string, format: Format): SecretText {
  const clear = parseFile(text, format);
  if (clear.metadata)
    throw fail('secret-document-invalid', 'the text in clear has a `sops` section: that name belongs to sops');
  return clear;
}

/** The document with another content, an editor's. Returns the proven new text. */
export function replaceText(document: OpenDocument, text: string, now: Date): string {
  const { format, dataKey } = document;
  const { rules } = document.metadata;
  const clear = parseClear(text, format);
  const body = clear.join(sealed(clear, { dataKey, rules }, document), document.source.split().section);
  const next = stamped(body, format, clear.leaves, { dataKey, rules }, now);
  return proven(next, format, dataKey, clear.leaves, document.source.metadata?.value);
}

async function wrapped(dataKey: Buffer, recipients: readonly string[]) {
  if (recipients.length === 0) throw fail('secret-key-invalid', 'a secret needs at least one age recipient');
  return Promise.all(recipients.map(async (recipient) => ({ enc: await wrapKey(dataKey, recipient), recipient })));
}

/** A text in clear as a document with a new data key for these recipients. */
export async function createDocument(
  text: string,
  format: Format,
  recipients: readonly string[],
  rules: Rules,
  now: Date,
): Promise<OpenDocument> {
  const clear = parseClear(text, format);
  const dataKey = randomBytes(32);
  const metadata = {
    age: await wrapped(dataKey, recipients),
    lastmodified: now.toISOString(),
    mac: 'x',
    ...rules,
    version: sopsVersion,
  };
  const body = clear.join(sealed(clear, { dataKey, rules }), clear.section(metadata));
  const next = stamped(body, format, clear.leaves, { dataKey, rules }, now);
  return openWith(proven(next, format, dataKey, clear.leaves, undefined), format, dataKey);
}

/** The same document with a new data key, for these recipients: every value is encrypted again. */
export async function rotateDocument(
  document: OpenDocument,
  recipients: readonly string[],
  now: Date,
): Promise<string> {
  const { format, metadata } = document;
  const others = [...metadata.otherKinds, ...metadata.unknown, ...(metadata.groups.length > 1 ? ['key_groups'] : [])];
  if (others.length > 0 || 'key_groups' in (document.source.metadata?.value ?? {})) {
    throw fail(
      'secret-document-unsupported',
      `the sops section has ${others.join(', ') || 'key_groups'}: Socle cannot encrypt a new data key to these, and would shut them out`,
      { next: 'rotate it with `sops rotate -i FILE`; nothing was written' },
    );
  }
  const dataKey = randomBytes(32);
  const clear = parseClear(clearText(document), format);
  const { mac_only_encrypted, ...before } = { ...document.source.metadata?.value };
  const macOnly = metadata.rules.mac_only_encrypted ? { mac_only_encrypted: true } : {};
  const section = clear.section({ ...before, age: await wrapped(dataKey, recipients), ...macOnly });
  const shared = {
    ...document,
    leaves: [],
    comments: document.comments.map((each) => ({
      ...each,
      sealed: each.sealed && { ...each.sealed, iv: randomBytes(32) },
    })),
  };
  const body = clear.join(sealed(clear, { dataKey, rules: metadata.rules }, shared), section);
  const next = stamped(body, format, clear.leaves, { dataKey, rules: metadata.rules }, now);
  return proven(next, format, dataKey, clear.leaves, undefined);
}
