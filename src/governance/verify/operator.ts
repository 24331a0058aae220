import type { KitStatus } from '../../recovery/store.ts';

/** What this machine knows. */
export interface OperatorFacts {
  readonly kit: KitStatus;
  /** Its clock while it looked at the host: milliseconds since the Unix epoch. */
  readonly clock: { readonly from: number; readonly to: number };
}
