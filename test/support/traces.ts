import { expect } from 'vitest';
import type { Operator } from './operator.ts';

/** What a machine is like, as far as an installation may change it. */
export interface Traces {
  /** Every file, directory and link, by its path. */
  readonly paths: ReadonlySet<string>;
  /** The text of files of /etc that are there to be read, by path. */
  readonly settings: ReadonlyMap<string, string>;
  /** Units that systemd knows, accounts, interfaces with their addresses, tables and iptables rules of the kernel. */
  readonly runs: string;
}

/** Where Debian's packages, caches and logs come and go. */
const elsewhere = ['/proc', '/sys', '/dev', '/run', '/tmp', '/var/tmp', '/var/cache', '/var/lib/apt', '/var/lib/dpkg'];

const look = `find / \\( ${elsewhere.map((path) => `-path ${path}`).join(' -o ')} \\) -prune -o -print | sort
echo ==
find /etc -type f -size -100k -exec sha256sum {} + | sed -E 's/^([0-9a-f]+)  (.*)/\\2 \\1/' | sort
echo ==
systemctl list-unit-files --no-legend --no-pager 'socle*' 'k3s*' | cut -d' ' -f1,2
getent passwd socle
ip -o address show | awk '{print $2, $4}' | grep -v fe80 | sort
nft list ruleset
systemctl --failed --no-legend --no-pager`;

export async function tracesOf(operator: Operator, address?: string): Promise<Traces> {
  const { stdout, exitCode, stderr } = await operator.on(look, address);
  expect(exitCode, stderr).toBe(0);
  const [paths = '', settings = '', runs = ''] = stdout.split('\n==\n');
  const hashes = settings.split('\n').map((line) => line.split(' ') as [string, string]);
  return { paths: new Set(paths.split('\n')), settings: new Map(hashes), runs };
}

/** The files of every package that is installed, and the directories that lead there. */
export async function pathsOfPackages(operator: Operator, address?: string): Promise<ReadonlySet<string>> {
  const { stdout } = await operator.on(`cat /var/lib/dpkg/info/*.list`, address);
  // Packages name /lib and /bin as well as what these lead to.
  return new Set(stdout.split('\n').flatMap((path) => [path, path.replace(/^\/(s?bin|lib|lib64)\//, '/usr/$1/')]));
}
