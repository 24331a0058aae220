/** A value that SOPS encrypts on its own. Integers are bigint: JSON and YAML integers may exceed 2^53. */
export type LeafValue = string | bigint | number | boolean | Timestamp | Comment | Bytes;

/** The text of one comment line, without `#`. */
export class Comment {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A YAML timestamp as Go writes it (RFC 3339). */
export class Timestamp {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A decrypted value that is not UTF-8: it is carried along, and never shown as text. */
export class Bytes {
  readonly data: Buffer;
  constructor(data: Buffer) {
    this.data = data;
  }
}

/** From `start` (inclusive) to `end` (exclusive), in UTF-16 units of a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One value of a document that is not null, and where its text stands. */
export interface Leaf extends Span {
  /** What SOPS authenticates beside the value: elements of a list have the path of the list. */
  readonly path: readonly string[];
  /** What people call it: elements of a list have their index, from 0. */
  readonly name: readonly string[];
  readonly value: LeafValue;
}

/** One comment line, `#` excluded from `text` and included in the span. */
export interface CommentPlace extends Span {
  readonly text: string;
  /** Paths that SOPS may have hung it on, the most likely one first. */
  readonly paths: ReadonlyArray<readonly string[]>;
}

/** The `sops` section: every text in it is a string here, whatever the format writes. */
export interface MetadataPlace {
  readonly value: Readonly<Record<string, unknown>>;
  readonly lastmodified: Span | undefined;
  readonly mac: Span | undefined;
}

/** A document as a text with places: what is written replaces spans, and every other byte stays. */
export interface SecretText {
  readonly text: string;
  /** In their order, without the `sops` section and without nulls. */
  readonly leaves: readonly Leaf[];
  readonly comments: readonly CommentPlace[];
  readonly metadata: MetadataPlace | undefined;
  /** How a value is written at this place of the text. @throws `secret-document-unsupported` */
  literal(value: LeafValue, place: Span): string;
  /** The text with a placeholder for the value: its leaf in that text says where the value goes. @throws `usage` */
  withValue(name: readonly string[]): string;
  /** The text without one value; undefined when it has none of this name. */
  without(name: readonly string[]): string | undefined;
  /** The text without its `sops` section, and that section as it stands. */
  split(): { readonly clear: string; readonly section: string };
  /** `clear` and a section that `split` or `section` gave. */
  join(clear: string, section: string): string;
  section(metadata: Readonly<Record<string, unknown>>): string;
}

/** Replaces spans that do not overlap. */
export function splice(text: string, changes: ReadonlyArray<Span & { readonly by: string }>): string {
  let result = text;
  for (const { start, end, by } of [...changes].sort((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + by + result.slice(end);
  }
  return result;
}
