import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../kernel/clock.ts';
import type { Progress } from '../kernel/progress.ts';
import type { Vault } from './vault.ts';

/** What work on the vaults needs. */
export interface VaultDeps {
  readonly db: DatabaseSync;
  readonly vault: Vault;
  /** The second vault, where the platform has one. */
  readonly copy?: Vault | undefined;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}
