import type { Platform } from '../platform/schema.ts';

/** What `socle init` has to know; the rest has a default. */
export interface Answers {
  readonly name: string;
  readonly environment: Platform['environment'];
  readonly timezone: string;
  readonly host: HostAnswers | undefined;
  /** Databases on the server. */
  readonly databases: readonly string[];
  readonly vault: VaultAnswers | undefined;
  /** Names of the first peers of the VPN. */
  readonly peers: readonly string[];
  readonly cluster: boolean;
}

export interface HostAnswers {
  readonly address: string;
  readonly user: string;
  /** Where peers reach it, when that is not the address. */
  readonly publicAddress: string | undefined;
}

export interface VaultAnswers {
  readonly repository: string;
  /** A file that has the password already; without one a password is made. */
  readonly passwordFile: string | undefined;
}
