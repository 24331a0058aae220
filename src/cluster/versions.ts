/** How one version of K3s lies to another. A minor that is skipped may leave data that the newer one does not read. */
export type Step = 'same' | 'up' | 'down' | 'skips';

/** `v1.36.3+k3s1` as numbers; undefined for what is no release of K3s. */
function numbers(version: string): [number, number, number, number] | undefined {
  const found = /^v(\d+)\.(\d+)\.(\d+)(?:[-+]k3s(\d+))?/.exec(version);
  return found ? [Number(found[1]), Number(found[2]), Number(found[3]), Number(found[4] ?? 0)] : undefined;
}

/**
 * Source: Kubernetes' version skew policy, and K3s' page on upgrades: one minor at a time, and never down.
 * A version that is not a release's counts as skipping: nobody can vouch for it.
 */
export function stepBetween(from: string, to: string): Step {
  if (from === to) return 'same';
  const [before, after] = [numbers(from), numbers(to)];
  if (!before || !after) return 'skips';
  const difference = before.map((part, index) => (after[index] ?? 0) - part).find((one) => one !== 0) ?? 0;
  if (difference === 0) return 'same';
  if (difference < 0) return 'down';
  return before[0] === after[0] && after[1] - before[1] <= 1 ? 'up' : 'skips';
}
