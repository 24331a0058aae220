import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { roleFile } from '../../src/host/bundle.ts';
import type { Operator } from './operator.ts';

/** What a machine is like, as far as an installation may change it. */
export interface Traces {
  /** Every file, directory and link, by its path. */
  readonly paths: ReadonlySet<string>;
  /** What files of /etc say, as SHA-256 by path; not the copies that a change of an account leaves. */
  readonly settings: ReadonlyMap<string, string>;
  /** Units that systemd knows, accounts, interfaces with their addresses, tables and iptables rules of the kernel. */
  readonly runs: string;
}

/** What is no file, and what apt, dpkg and the journal write whoever calls them. */
const elsewhere = [
  ...['/proc', '/sys', '/dev', '/run', '/tmp', '/var/tmp'],
  ...['/var/cache', '/var/lib/apt', '/var/lib/dpkg', '/var/log/apt', '/var/log/dpkg.log', '/var/log/journal'],
];

const look = `find / \\( ${elsewhere.map((path) => `-path ${path}`).join(' -o ')} \\) -prune -o -print | sort
echo ==
find /etc -type f -size -100k ! -name '*-' -exec sha256sum {} + | sed -E 's/^([0-9a-f]+)  (.*)/\\2 \\1/' | sort
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

/**
 * Installs what `socle up` would install for these domains: packages stay, so that a machine is like before when it is like
 * one that has them. No cluster of PostgreSQL is made, as with `socle up`.
 */
export async function installPackages(operator: Operator, domains: readonly ('network' | 'ops')[]): Promise<void> {
  const role = async (name: string) => parse(await readFile(roleFile(name, 'defaults/main.yml'), 'utf8'));
  const own = domains.includes('ops') ? (await role('ops')).ops_packages : [];
  const packages = ['ansible-core', 'wireguard-go', ...(await role('baseline')).baseline_packages, ...own];
  const none = '/etc/postgresql-common/createcluster.d/none.conf';
  const { exitCode, stderr } = await operator.on(
    `set -e; export DEBIAN_FRONTEND=noninteractive; apt-get -q update >/dev/null
    install -D /dev/stdin ${none} <<END
create_main_cluster = false
END
    apt-get -q install -y --no-install-recommends ${packages.join(' ')} >/dev/null
    rm ${none}`,
    undefined,
    600_000,
  );
  expect(exitCode, stderr).toBe(0);
}
