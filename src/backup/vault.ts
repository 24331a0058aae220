import type { Readable, Writable } from 'node:stream';

/** What a restic snapshot of ours is. */
export type Item = 'dump' | 'manifest' | 'report' | 'state' | 'datastore' | 'datastore-manifest';

/** One restic snapshot of ours, read from its tags. */
export interface Stored {
  readonly snapshot: string;
  /** Id of the tree: unlike the snapshot's, it survives `restic tag` and `restic copy`. */
  readonly tree: string;
  readonly item: Item;
  readonly database: string;
  /** Backup id (or drill id for a report, or the id of a copy of the cluster's datastore). */
  readonly id: string;
  readonly time: Date;
  readonly paths: readonly string[];
  /** Bytes that the vault grew by; only known from `put`. */
  readonly addedBytes?: number;
}

export interface ItemName {
  readonly item: Item;
  readonly database: string;
  readonly id: string;
  /** File name in the snapshot, such as `shop.dump`. */
  readonly file: string;
}

/** A snapshot that is durable. */
export interface Finished {
  /** Its id, or the beginning of it. */
  readonly snapshot: string;
  readonly path: string;
  /** What the vault says of it. */
  readonly stored: Promise<Stored>;
}

/** A running `put`: write the bytes, then `commit`; anything else leaves nothing that counts. */
export interface Upload {
  /** restic's standard input. The memory of a chunk may be used again once its write has called back. */
  readonly sink: Writable;
  /** Closes the input; resolves once the data is durable and the snapshot was looked up. */
  commit(): Promise<Stored>;
  /** The same without waiting for the look-up: what was stored can be read meanwhile. */
  finish(): Promise<Finished>;
  /** Resolves during `commit` and `finish`, as soon as the data is durable; never rejects. */
  readonly durable: Promise<void>;
  /** Kills restic before it sees the end of its input: no snapshot is made. */
  abort(): Promise<void>;
}

export interface CheckResult {
  readonly ok: boolean;
  /** What was checked, and what restic said when it failed. */
  readonly detail: string;
  readonly durationMs: number;
  /** Data files that were read, of all; null without a `part`, and where restic does not say. */
  readonly packs: { readonly read: number; readonly total: number } | null;
}

/** What a vault holds, and what of it cannot be read. */
export interface Survey {
  /** Ours, oldest first. */
  readonly stored: Stored[];
  /** Full ids of snapshots whose file cannot be read. Whose they are nobody can tell: that is in the file. */
  readonly unreadable: readonly string[];
}

/** Where backups live: a restic repository. Every method may be called again after a crash at any point. */
export interface Vault {
  /** Shown to people: the repository without credentials. */
  readonly address: string;
  /** True for a directory of this machine. */
  readonly local: boolean;
  /**
   * Creates the repository; true when it did, false when it was there and opens with the password.
   * @param like cut data into the same pieces as this vault does: without it, copies from there take twice the space
   */
  init(signal?: AbortSignal, like?: Vault): Promise<boolean>;
  /** Id of the repository: it keeps it wherever it is moved to, and another one made in its place has another. */
  identify(signal?: AbortSignal): Promise<string>;
  upload(name: ItemName, signal?: AbortSignal): Upload;
  /** Small documents (manifest, report): several files in one snapshot. */
  putFiles(
    name: Omit<ItemName, 'file'>,
    files: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Stored>;
  /**
   * All snapshots of ours for this platform, oldest first, as far as they can be read. Snapshots of others are never in
   * the list.
   */
  list(signal?: AbortSignal): Promise<Stored[]>;
  /**
   * The same list, and what cannot be read: no damaged snapshot keeps the others from being seen.
   * @param fresh look at the vault itself, and not at the copies of snapshot files in our cache
   */
  survey(signal?: AbortSignal, fresh?: boolean): Promise<Survey>;
  /** Streams one file of a snapshot. The stream errors when restic does not end with 0. */
  read(snapshot: string, path: string, signal?: AbortSignal): Readable;
  /** The same without a lock, which takes 200 ms: it may fail when a prune gets in between. */
  readAtOnce(snapshot: string, path: string, signal?: AbortSignal): Readable;
  /**
   * Streams one small file of the newest snapshot of an item, without a list of the vault, which takes as long again, and
   * without a lock: when a prune gets in between it fails, and a list and `read` find the file.
   */
  readNewest(name: Pick<ItemName, 'item' | 'id'>, path: string, signal?: AbortSignal): Readable;
  /** Restores one file to `target` (a new file). For drills: faster than `read`. Resolves to its size in bytes. */
  fetch(snapshot: string, path: string, target: string, signal?: AbortSignal): Promise<number>;
  /**
   * Forgets exactly these snapshots (all ours), then prunes. Resolves to the bytes freed.
   * @throws `vault-damaged` before anything is removed while a snapshot cannot be read: restic cannot prune then
   */
  remove(snapshots: readonly string[], signal?: AbortSignal): Promise<number>;
  /** restic's structure check, and with `part` a full read of part n of t of the data. */
  check(part?: { n: number; of: number }, signal?: AbortSignal): Promise<CheckResult>;
  /** Adds a second key (recovery kit); its password comes from a file. Resolves to the key's id. */
  addKey(newPasswordFile: string, label: string, signal?: AbortSignal): Promise<string>;
  /** Removes the keys with this label; none is fine. Resolves to how many there were. */
  removeKeys(label: string, signal?: AbortSignal): Promise<number>;
  /** Copies these snapshots to another vault. */
  copyTo(other: Vault, snapshots: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Removes restic locks whose process is gone. */
  unlockStale(signal?: AbortSignal): Promise<void>;
}
