import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { StreamTag } from './stream-tag.ts';

function tagOf(...pieces: readonly Buffer[]): string {
  const tag = new StreamTag();
  for (const piece of pieces) tag.update(piece);
  return tag.digest();
}

test('equal streams have one tag however they were cut, and one bit more or less gives another', () => {
  const data = randomBytes(100_003);
  const whole = tagOf(data);
  for (const cut of [0, 1, 15, 16, 17, 4_096, 65_536, data.length]) {
    expect(tagOf(data.subarray(0, cut), data.subarray(cut))).toBe(whole);
  }
  for (const at of [0, 15, 16, 50_000, data.length - 1]) {
    const other = Buffer.from(data);
    other[at] = (other[at] ?? 0) ^ 1;
    expect(tagOf(other)).not.toBe(whole);
  }
  expect(tagOf(data, Buffer.alloc(1))).not.toBe(whole);
  expect(tagOf(data.subarray(1))).not.toBe(whole);
  expect(tagOf(Buffer.alloc(16))).not.toBe(tagOf(Buffer.alloc(32)));
  expect(tagOf()).not.toBe(tagOf(Buffer.alloc(1)));
});
