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
