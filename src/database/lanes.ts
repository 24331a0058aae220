/**
 * Four sums of signed 64-bit lanes as one hash: each modulo 2^64, in hexadecimal. Here, where integers have any size; SQL
 * would need arithmetic for it.
 */
export function asHash(sums: readonly (string | null)[]): string {
  return sums
    .map((sum) =>
      BigInt.asUintN(64, BigInt(sum ?? '0'))
        .toString(16)
        .padStart(16, '0'),
    )
    .join('');
}

/** The hash of both multisets together. */
export function addHashes(a: string, b: string): string {
  const lanes = (hash: string) => [0, 16, 32, 48].map((at) => BigInt(`0x${hash.slice(at, at + 16)}`));
  const other = lanes(b);
  return asHash(lanes(a).map((lane, index) => String(lane + (other[index] ?? 0n))));
}
