import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fail } from '../kernel/errors.ts';

/** Places that a kit must not be in: what burns with them must not take it along. */
export interface Forbidden {
  /** What it is, such as `the state directory`. */
  readonly what: string;
  readonly directory: string;
}

/**
 * The absolute path of a new directory for a kit.
 * @throws `already-there`, or `usage` in a forbidden place or in a Git repository
 */
export function kitDirectory(to: string, forbidden: readonly Forbidden[]): string {
  const directory = resolve(to);
  if (existsSync(directory)) {
    throw fail('already-there', `${directory} is there already`, { next: 'name a new directory, such as one in it' });
  }
  const parent = real(dirname(directory));
  if (!existsSync(dirname(directory))) {
    throw fail('usage', `${dirname(directory)} is not there`, { next: 'is the medium mounted?' });
  }
  for (const { what, directory: place } of forbidden) {
    if (isBelow(parent, real(place))) throw fail('usage', `${directory} is in ${what}: a kit belongs off it`);
  }
  for (let above = parent; ; above = dirname(above)) {
    if (existsSync(join(above, '.git'))) {
      throw fail('usage', `${directory} is in the Git repository ${above}: a kit holds secrets`);
    }
    if (above === dirname(above)) return directory;
  }
}

const real = (path: string) => (existsSync(path) ? realpathSync(path) : path);

const isBelow = (path: string, directory: string) => !/^\.\.(\/|$)/.test(relative(directory, path));
