import { fail } from '../kernel/errors.ts';
import type { HostConfig } from '../platform/schema.ts';

/** The major version of PostgreSQL that each Debian brings, by its release. */
const distributionMajors: Readonly<Record<number, number>> = { 12: 15, 13: 17 };

/** The major versions whose programs a host gets. */
export function wantedMajors({ majors }: HostConfig['postgresql'], release: number): readonly number[] {
  const own = distributionMajors[release];
  return majors.length > 0 || own === undefined ? majors : [own];
}

/** @throws `host-unsupported` when the distribution has not what is asked of it */
export function requireAvailable({ source, majors }: HostConfig['postgresql'], release: number): void {
  const own = distributionMajors[release];
  const lacking = majors.filter((major) => major !== own);
  if (source === 'pgdg' || lacking.length === 0) return;
  const [first] = lacking;
  throw fail('host-unsupported', `Debian ${release} has PostgreSQL ${own}, and not ${lacking.join(', ')}`, {
    next:
      `set \`host.postgresql.source: pgdg\` to take PostgreSQL ${first} from the PostgreSQL project’s own packages, ` +
      'or take the version out of `host.postgresql.majors`',
  });
}
