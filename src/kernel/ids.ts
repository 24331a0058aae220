import { randomBytes } from 'node:crypto';

/** An id that sorts by time and can be read aloud, such as `b-20261122t021500z-4f9c1a`. */
export function newId(prefix: 'b' | 'c' | 'd' | 'k' | 'o' | 'r', now: Date): string {
  const stamp = now
    .toISOString()
    .replace(/[-:]|\.\d+/g, '')
    .toLowerCase();
  return `${prefix}-${stamp}-${randomBytes(3).toString('hex')}`;
}
