import { withoutDaemon } from './daemon.ts';
import { piece } from './piece.ts';

/** An installed package with PostgreSQL's programs. */
export interface PostgresPackage {
  readonly name: string;
  /** Debian's, such as 16.4-1.pgdg13+1. */
  readonly version: string;
  readonly major: number;
  readonly source: 'distribution' | 'pgdg';
}

/** PGDG names itself in the version of every package: https://wiki.postgresql.org/wiki/Apt/FAQ */
const sourceOf = (version: string) => (version.includes('pgdg') ? 'pgdg' : 'distribution');

/** Clients and servers of all major versions. */
export const postgresql = piece<readonly PostgresPackage[]>({
  nothing: withoutDaemon,
  script: `dpkg-query -W -f '\${db:Status-Status} \${Package} \${Version}\\n' 'postgresql-[0-9]*' 'postgresql-client-[0-9]*' || test $? = 1`,
  parse: (stdout) =>
    stdout.split('\n').flatMap((line) => {
      const [, name, major, version] = /^installed (postgresql-(?:client-)?(\d+)) (\S+)$/.exec(line) ?? [];
      if (name === undefined || version === undefined) return [];
      return [{ name, version, major: Number(major), source: sourceOf(version) }];
    }),
});
