import { pairsOf, piece, section, sections } from './piece.ts';

export interface SystemFacts {
  readonly os: string;
  readonly release: number;
  /** What kind of container it is: its kernel, clock and sysctls belong to another machine. Null on a real host. */
  readonly container: string | null;
  readonly kernel: string;
  /** The newest kernel in /boot; null without one. */
  readonly newestKernel: string | null;
  readonly rebootRequired: boolean;
  /** Since the Unix epoch, milliseconds. */
  readonly clock: number;
  /** Since boot, milliseconds. */
  readonly uptime: number;
  /** Public or not, without loopback and link-local ones. */
  readonly addresses: readonly string[];
}

export const system = piece<SystemFacts>({
  script: `${section('facts')}
. /etc/os-release
echo "os=$ID"
echo "release=\${VERSION_ID:-0}"
echo "container=$(systemd-detect-virt --container)"
echo "kernel=$(uname -r)"
echo "newest=$(ls /boot 2>/dev/null | sed -n 's/^vmlinuz-//p' | sort -V | tail -n 1)"
if test -e /run/reboot-required; then echo reboot=yes; fi
echo "clock=$(date +%s%3N)"
echo "uptime=$(cut -d' ' -f1 /proc/uptime)"
${section('addresses')}
ip -o address show scope global | awk '$0 !~ / (deprecated|temporary|tentative)/ {print $4}'`,
  parse(stdout) {
    const of = sections(stdout);
    const facts = pairsOf(of('facts'));
    const { os = 'unknown', release, container, kernel = '', newest, reboot, clock, uptime } = facts;
    return {
      os,
      release: Number(release),
      container: container === undefined || container === 'none' ? null : container,
      kernel,
      newestKernel: newest || null,
      rebootRequired: reboot === 'yes',
      clock: Number(clock),
      uptime: Number(uptime) * 1_000,
      addresses: of('addresses').map((line) => line.split('/')[0] ?? ''),
    };
  },
});
