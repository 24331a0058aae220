import { pairsOf, piece, section, sections } from './piece.ts';

export interface UpdateFacts {
  /** Security upgrades that wait, by package. */
  readonly security: readonly string[];
  /** When apt last fetched its lists; null when never. */
  readonly listsAt: Date | null;
  /** When unattended-upgrades last ran to its end; null when never. */
  readonly upgradedAt: Date | null;
  /** Settings of apt about periodic upgrades. */
  readonly settings: Readonly<Record<string, string>>;
}

const seconds = (text: string | undefined) => (text ? new Date(Number(text) * 1_000) : null);

export const updates = piece<UpdateFacts>({
  script: `set -e
${section('waiting')}
apt-get -s -o Debug::NoLocking=1 -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= dist-upgrade | grep '^Inst' || true
${section('times')}
echo "lists=$(find /var/lib/apt/lists -maxdepth 1 -name '*Release' -printf '%Ts\\n' | sort -n | tail -n 1)"
echo "upgraded=$(stat -c %Y /var/lib/apt/periodic/unattended-upgrades-stamp 2>/dev/null)"
${section('settings')}
apt-config dump | sed -nE 's/^((APT::Periodic|Unattended-Upgrade)[^ ]*) "(.*)";$/\\1=\\3/p'`,
  parse(stdout) {
    const of = sections(stdout);
    const { lists, upgraded } = pairsOf(of('times'));
    return {
      security: of('waiting').flatMap((line) => (/-security/i.test(line) ? [line.split(' ')[1] ?? ''] : [])),
      listsAt: seconds(lists?.split('.')[0]),
      upgradedAt: seconds(upgraded),
      settings: pairsOf(of('settings')),
    };
  },
});

/** Does a time server hold the clock? */
export const synchronised = piece<boolean>({
  script: 'timedatectl show --property=NTPSynchronized --value',
  parse(stdout) {
    const answer = stdout.trim();
    if (answer !== 'yes' && answer !== 'no') throw new Error(`timedatectl printed ${answer}`);
    return answer === 'yes';
  },
});

export interface FilesystemFacts {
  readonly mount: string;
  /** Bytes. */
  readonly available: number;
  /** Percent. */
  readonly used: number;
  /** Percent; null for a file system that counts no inodes. */
  readonly usedInodes: number | null;
}

export const disks = piece<readonly FilesystemFacts[]>({
  script: `df -B1 --output=target,avail,pcent,ipcent -x tmpfs -x devtmpfs -x overlay -x efivarfs 2>/dev/null
df -B1 --output=target,avail,pcent,ipcent / /var`,
  parse(stdout) {
    const rows = stdout
      .split('\n')
      .filter((line) => line.startsWith('/') && !line.startsWith('/run/'))
      .map((line) => line.split(/\s+/));
    if (rows.length === 0) throw new Error('df printed nothing');
    const percent = (text: string | undefined) => (text?.endsWith('%') ? Number.parseInt(text, 10) : null);
    const all = rows.map(([mount = '', available, used, inodes]) => ({
      mount,
      available: Number(available),
      used: percent(used) ?? 0,
      usedInodes: percent(inodes),
    }));
    return [...new Map(all.map((one) => [one.mount, one])).values()];
  },
});

/** What journald goes by: of each setting the last one that it reads. */
export const journal = piece<Readonly<Record<string, string>>>({
  script: 'systemd-analyze cat-config systemd/journald.conf',
  parse: (stdout) => pairsOf(stdout.split('\n').filter((line) => /^[A-Za-z]+=/.test(line))),
});
