/** How long a drill may take, ms: every wait in it ends by one of these, and all of them follow from `drill.rto`. */
export interface DrillLimits {
  /** Fetch, restore and proof, with the second attempt where there is one. */
  readonly work: number;
  /** On top, to end the scratch server and remove what it wrote. */
  readonly cleanup: number;
  /** On top, to keep the report in the vault. */
  readonly keeping: number;
  /** All of it: what the drill's unit may run at most. */
  readonly total: number;
}

/** A drill that takes this many times its target is stopped. */
export const patience = 6;
/** Of a timer of Node's. */
const longest = 2 ** 31 - 1;

/** @param rto the target, ms */
export function drillLimits(rto: number): DrillLimits {
  const work = Math.min(patience * rto, longest);
  const [cleanup, keeping] = [5 * 60_000, 10 * 60_000];
  return { work, cleanup, keeping, total: work + cleanup + keeping };
}
