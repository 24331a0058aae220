/** A value that SOPS encrypts on its own. Integers are bigint: JSON and YAML integers may exceed 2^53. */
export type LeafValue = string | bigint | number | boolean | Comment | Timestamp;

/** The text of one comment line, without `#`. */
export class Comment {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A YAML timestamp as RFC 3339 text. */
export class Timestamp {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** One place in a document. Elements of a list have the path of the list, as in SOPS. */
export interface Leaf {
  readonly path: readonly string[];
  readonly value: LeafValue;
  set(value: LeafValue): void;
}

/** `sops:` of a document, as SOPS writes it. */
export interface Metadata {
  age: Array<{ recipient: string; enc: string }>;
  lastmodified: string;
  mac: string;
  version: string;
  unencrypted_suffix?: string;
  encrypted_suffix?: string;
  unencrypted_regex?: string;
  encrypted_regex?: string;
  mac_only_encrypted?: boolean;
}

/** A document of one format: its leaves in order, and its metadata. */
export interface SecretFile {
  leaves(): Leaf[];
  metadata(): Metadata | undefined;
  setMetadata(metadata: Metadata | undefined): void;
  /** Sets one value by its path, making what is missing on the way; undefined removes it. */
  setValue(path: readonly string[], value: string | undefined): void;
  toString(): string;
}
