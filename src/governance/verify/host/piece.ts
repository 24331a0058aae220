import type { Platform } from '../../../platform/schema.ts';

/** One thing to look at on the host. */
export interface Piece<T> {
  /** POSIX shell; it runs as root, in a shell of its own, and only reads. `$OPERATOR` is `host.user`. */
  readonly script: string | ((platform: Platform) => string);
  /** Why there is nothing to see of it on this platform; undefined where there is. */
  readonly nothing?: (platform: Platform) => string | undefined;
  /** @throws anything: then it could not be looked at */
  parse(stdout: string): T;
}

/** Why there is nothing to see of K3s. */
export const withoutCluster = ({ cluster }: Platform) => (cluster ? undefined : 'the platform has no cluster');

export const piece = <T>(definition: Piece<T>): Piece<T> => definition;

/** Prints the line that `sections` divides at. */
export const section = (name: string) => `echo '== ${name}'`;

/** What a script printed after each `section`, without empty lines. */
export function sections(stdout: string): (name: string) => string[] {
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of stdout.split('\n')) {
    const [, name] = /^== ([a-z]+)$/.exec(line) ?? [];
    if (name !== undefined) {
      current = [];
      found.set(name, current);
    } else if (line !== '') current.push(line);
  }
  return (name) => {
    const lines = found.get(name);
    if (lines === undefined) throw new Error(`the host printed no section ${name}`);
    return lines;
  };
}

/** `key=value` lines. */
export const pairsOf = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
