import type { Secret } from '../kernel/secret.ts';
import type { Platform } from '../platform/schema.ts';
import type { Kit } from './schema.ts';
import type { KitStatus } from './store.ts';

/** What a vault is to the machine that backs up into it. */
export interface Witnessed {
  /** Without credentials. */
  readonly address: string;
  readonly repositoryId: string;
  /** Newest backup in it; null when there is none. */
  readonly newest: string | null;
}

/** A vault that got a key. */
export interface Granted {
  readonly address: string;
  readonly repositoryId: string;
  readonly key: string;
}

/** What a password opened. */
export interface Opened {
  readonly repositoryId: string;
  /** Ids of the backups in it. */
  readonly backups: readonly string[];
  /** The newest one, whose commit record was read and decrypted; null when there is none. */
  readonly read: string | null;
}

/**
 * The machine that backs up: this one, or the host of the platform. It has the vaults, their secrets, and the state that
 * says whether a kit was confirmed. Vaults are in the order of the platform file: the first, then the copy.
 */
export interface KitMachine {
  /** Address of the host; null for this machine. */
  readonly host: string | null;
  /** The platform as it has it: paths are its own. */
  readonly platform: Platform;
  /** Adds a key with this password, and the kit's id as its label, to each vault. */
  grant(id: string, password: Secret): Promise<Granted[]>;
  /** Removes the keys of a kit that will never be; what could not be removed is said. */
  takeBack(id: string): Promise<readonly string[]>;
  witness(): Promise<Witnessed[]>;
  /** Opens vault number `index`, which lies on that machine, with the password of a kit instead of its own. */
  open(index: number, password: Secret): Promise<Opened>;
  /** Notes that a kit was made, or when it was confirmed. */
  note(kit: Kit, confirmedAt: Date | null): Promise<void>;
  status(): Promise<KitStatus>;
  /** Contents of those of these files that are there and can be read, by path. */
  read(paths: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
