import { pairsOf, piece } from './piece.ts';

export interface UnitFacts {
  readonly load: string;
  readonly active: string;
  /** `enabled`, `masked`, `static` …; empty when there is no such unit. */
  readonly file: string;
}

/** Units that any check asks for. */
const units = [
  'socle-firewall.service',
  'socle-address.service',
  'socle-wireguard.service',
  'socle-way-in.service',
  'nftables.service',
  'ssh.service',
  'systemd-timesyncd.service',
  'unattended-upgrades.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'auditd.service',
  'apparmor.service',
  'k3s.service',
  'socle-pods.service',
  'socle.service',
] as const;
export type UnitName = (typeof units)[number];

export const services = piece<Readonly<Record<UnitName, UnitFacts>>>({
  script: `systemctl show --property=Id,LoadState,ActiveState,UnitFileState -- ${units.join(' ')}`,
  parse(stdout) {
    // One block for each unit that was named, in that order.
    const blocks = stdout
      .trim()
      .split('\n\n')
      .map((block) => pairsOf(block.split('\n')));
    const found = units.map((name, place) => {
      const { LoadState: load, ActiveState: active, UnitFileState: file } = blocks[place] ?? {};
      if (load === undefined || active === undefined) throw new Error(`systemctl printed nothing about ${name}`);
      return [name, { load, active, file: file ?? '' }] as const;
    });
    return Object.fromEntries(found) as Record<UnitName, UnitFacts>;
  },
});
