import { type FirewallStatus, firewallStatus } from '../../../host/settle.ts';
import { piece, section, sections } from './piece.ts';

export interface FirewallFacts {
  readonly status: FirewallStatus;
  /** Text of the ruleset that a reboot brings. */
  readonly permanent: string;
  /** Socle's table as the kernel has it now. */
  readonly loaded: string;
  /** The same table when the permanent ruleset is loaded into a network namespace where nothing else is. */
  readonly fresh: string;
  /** Other tables, as `family name`. */
  readonly others: readonly string[];
}

const directory = '/etc/socle/firewall';

export const firewall = piece<FirewallFacts>({
  script: `set -e
${section('status')}
/usr/local/lib/socle/firewall status
${section('permanent')}
cat ${directory}/ruleset.nft
${section('loaded')}
nft list table inet socle || true
${section('fresh')}
unshare --net sh -c 'nft -f ${directory}/ruleset.nft && nft list table inet socle'
${section('tables')}
nft list tables`,
  parse(stdout) {
    const of = sections(stdout);
    const tables = of('tables').map((line) => line.replace(/^table /, ''));
    return {
      status: firewallStatus.parse(JSON.parse(of('status').join(''))),
      permanent: text(of('permanent')),
      loaded: text(of('loaded')),
      fresh: text(of('fresh')),
      others: tables.filter((name) => name !== 'inet socle'),
    };
  },
});

const text = (lines: readonly string[]) => `${lines.join('\n')}\n`;
