/** Product in GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1. */
function multiply(a: number, b: number): number {
  let [left, right, product] = [a, b, 0];
  for (; right > 0; right >>= 1) {
    if (right & 1) product ^= left;
    left = (left << 1) ^ (left & 0x80 ? 0x11b : 0);
  }
  return product;
}

/** a^254, which is 1/a in this field. */
function inverse(a: number): number {
  let result = 1;
  for (let i = 0; i < 254; i += 1) result = multiply(result, a);
  return result;
}

/**
 * The secret of Shamir's parts, as SOPS splits a data key over its key groups: the last byte of a part is its x, the
 * others are the values there, and the secret is the value at 0 (its `shamir` package, after HashiCorp's Vault).
 */
export function combine(parts: readonly Buffer[]): Buffer {
  const xs = parts.map((part) => part.at(-1) ?? 0);
  const secret = Buffer.alloc((parts[0]?.length ?? 1) - 1);
  for (let at = 0; at < secret.length; at += 1) {
    parts.forEach((part, i) => {
      const x = xs[i] ?? 0;
      const weight = xs.reduce(
        (all, other, j) => (j === i ? all : multiply(all, multiply(other, inverse(other ^ x)))),
        1,
      );
      secret[at] = (secret[at] ?? 0) ^ multiply(part[at] ?? 0, weight);
    });
  }
  return secret;
}
