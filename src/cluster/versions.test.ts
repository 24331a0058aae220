import { expect, test } from 'vitest';
import { stepBetween } from './versions.ts';

test.each([
  ['v1.36.3+k3s1', 'v1.36.3+k3s1', 'same'],
  ['v1.36.3+k3s1', 'v1.36.3+k3s2', 'up'],
  ['v1.36.3+k3s1', 'v1.37.0+k3s1', 'up'],
  ['v1.36.3+k3s1', 'v1.38.0+k3s1', 'skips'],
  ['v1.36.3+k3s1', 'v2.0.0+k3s1', 'skips'],
  ['v1.36.3+k3s1', 'v1.36.2+k3s9', 'down'],
  ['v1.36.3+k3s1', 'v1.35.9+k3s1', 'down'],
  ['v1.36.3+k3s2', 'v1.36.3+k3s1', 'down'],
  ['v1.9.0+k3s1', 'v1.10.0+k3s1', 'up'],
  ['v1.36.3+k3s1', 'a build of mine', 'skips'],
] as const)('from %s to %s: %s', (from, to, step) => {
  expect(stepBetween(from, to)).toBe(step);
});
