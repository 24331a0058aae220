import { piece, section, sections } from './piece.ts';

export interface FileFacts {
  /** Octal, such as 0o600. */
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  /** As find(1) prints it: `f`, `d`, `l`. */
  readonly type: string;
  readonly path: string;
}

/** For find(1). */
export const fileFormat = `-printf '%m %u %g %y %p\\n'`;

export function parseFile(line: string): FileFacts {
  const [, mode, owner, group, type, path] = /^(\d+) (\S+) (\S+) (\S) (.*)$/.exec(line) ?? [];
  if (path === undefined) throw new Error(`find printed ${line}`);
  return { mode: Number.parseInt(mode ?? '', 8), owner: owner ?? '', group: group ?? '', type: type ?? '', path };
}

export interface Files {
  /** Everything of Socle's: configuration, programs, units, records. */
  readonly own: readonly FileFacts[];
  /** What the system keeps its accounts and keys in. */
  readonly system: readonly FileFacts[];
  /** Below /etc and /usr/local, where anybody may write. */
  readonly writable: readonly string[];
}

const systemFiles = '/etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/sudoers /etc/sudoers.d /etc/ssh /etc/crontab';

export const files = piece<Files>({
  script: `${section('own')}
find /etc/socle /usr/local/lib/socle ${fileFormat}
find /etc/systemd/system -maxdepth 1 -name 'socle*' ${fileFormat}
find /var/lib/socle -maxdepth 1 ${fileFormat}
${section('system')}
find ${systemFiles} /root -maxdepth 0 ${fileFormat}
find /etc/ssh /etc/sudoers.d -type f ${fileFormat}
${section('writable')}
find /etc /usr/local -xdev ! -type l -perm -0002 ! -type c`,
  parse(stdout) {
    const of = sections(stdout);
    const own = of('own').map(parseFile);
    if (own.length === 0) throw new Error('there is nothing of Socle on the host');
    return { own, system: of('system').map(parseFile), writable: of('writable') };
  },
});
