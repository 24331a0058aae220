import { check, fail, pass, passUnless, skip, warn } from '../check.ts';
import type { UnitName } from '../host/services.ts';

const up = 'run `socle up`; then see who changed it';
const day = 86_400_000;

/** A kernel, a clock and modules that are not the host's own cannot be set from inside. */
const shared = (what: string, container: string) => skip(`${what} belongs to the machine below (${container})`);

const running = (id: string, title: string, units: readonly UnitName[], requirements: readonly string[]) =>
  check({
    id,
    title,
    requirements,
    side: 'inside',
    next: '`systemctl status` on the host says why; `socle up` starts and enables it',
    looks: ['services'],
    judge({ services }) {
      const states = units.map((name) => [name, services[name]] as const);
      const wrong = states.filter(([, { active, file }]) => active !== 'active' || file !== 'enabled');
      return passUnless(
        wrong.map(([name, { active, file }]) => `${name} is ${active}, ${file || 'not there'}`),
        `${units.join(', ')}: active, enabled`,
      );
    },
  });

const sysctl = (id: string, title: string, which: (name: string) => boolean, ofKernel: boolean) =>
  check({
    id,
    title,
    requirements: ['FR4', 'FR6'],
    side: 'inside',
    next: 'run `socle up`, or `systemctl restart systemd-sysctl` on the host; then see who changed it',
    looks: ['sysctls', 'system'],
    judge({ sysctls, system }, { baseline }) {
      if (ofKernel && system.container !== null) return shared('the kernel', system.container);
      const wanted = Object.entries(baseline.sysctls).filter(([name]) => which(name));
      const wrong = wanted.filter(([name, value]) => sysctls[name]?.replaceAll(/\s+/g, ' ') !== value);
      return passUnless(
        wrong.map(([name, value]) => `${name} is ${sysctls[name] ?? 'not there'}, not ${value}`),
        `${wanted.length} settings, as the role writes them`,
      );
    },
  });

/** A container has these of its own; `net.core` is its host's. */
const ofNetwork = (name: string) => /^net\.ipv[46]\./.test(name);

export const systemChecks = [
  check({
    id: 'system-release',
    title: 'the host runs a Debian that is supported',
    requirements: ['FR1', 'FR4'],
    side: 'inside',
    next: 'upgrade Debian, or make the platform anew on a fresh host',
    looks: ['system'],
    judge({ system: { os, release } }) {
      return (os === 'debian' && (release === 12 || release === 13) ? pass : fail)(`${os} ${release}`);
    },
  }),
  sysctl('sysctl-network', "the kernel's network settings are the hardened ones", ofNetwork, false),
  sysctl('sysctl-kernel', "the kernel's other settings are the hardened ones", (name) => !ofNetwork(name), true),
  running('service-address', 'the private address does not depend on the tunnel', ['socle-address.service'], ['NFR-3']),
  running(
    'service-wireguard',
    'WireGuard runs, and comes with the host',
    ['socle-wireguard.service'],
    ['FR5', 'NFR-3'],
  ),
  running(
    'service-way-in',
    'the host puts its firewall and its tunnel right by itself',
    ['socle-way-in.service'],
    ['FR5', 'FR6'],
  ),
  running('service-ssh', 'sshd runs, and comes with the host', ['ssh.service'], ['FR5']),
  check({
    id: 'service-time',
    title: 'a time server holds the clock',
    requirements: ['FR4', 'FR27'],
    side: 'inside',
    next: 'see `timedatectl` on the host, and whether it reaches a time server (UDP 123)',
    looks: ['services', 'synchronised', 'system'],
    judge({ services, synchronised, system }) {
      if (system.container !== null) return shared('the clock', system.container);
      const { active, file } = services['systemd-timesyncd.service'];
      const good = active === 'active' && file === 'enabled' && synchronised;
      const state = synchronised ? 'synchronised' : 'not synchronised';
      return (good ? pass : fail)(`systemd-timesyncd is ${active}, ${file || 'not there'}; the clock is ${state}`);
    },
  }),
  check({
    id: 'system-clock',
    title: 'the host and this machine agree on the time',
    requirements: ['FR27', 'AM-3'],
    side: 'inside',
    next: 'see `timedatectl` on the host, and the clock of this machine',
    looks: ['system', 'clock'],
    judge({ system, clock: { from, to } }) {
      const off = Math.max(from - system.clock, system.clock - to, 0);
      return (off <= 60_000 ? pass : fail)(`${Math.round(off / 1_000)} s apart`);
    },
  }),
  check({
    id: 'system-apparmor',
    title: 'AppArmor is on',
    requirements: ['FR4'],
    side: 'inside',
    next: 'see `aa-status` on the host; the kernel needs `apparmor=1`',
    looks: ['apparmor', 'system'],
    judge({ apparmor: { enabled, enforced }, system: { container } }) {
      if (container !== null) return shared('the kernel', container);
      if (!enabled) return fail('the kernel has no AppArmor, or it is off');
      return (enforced > 0 ? pass : fail)(`${enforced} profiles are enforced`);
    },
  }),
  check({
    id: 'system-audit',
    title: 'the kernel records what administrators do',
    requirements: ['FR27', 'AM-3'],
    side: 'inside',
    next: 'see `auditctl -s` and `auditctl -l` on the host; then `socle up`',
    looks: ['audit', 'services', 'system'],
    judge({ audit: { enabled, rules }, services, system: { container } }) {
      if (container !== null) return shared('the kernel', container);
      const { active, file } = services['auditd.service'];
      const good = enabled > 0 && rules > 0 && active === 'active' && file === 'enabled';
      return (good ? pass : fail)(`auditd is ${active}, ${file || 'not there'}; ${rules} rules are loaded`);
    },
  }),
  check({
    id: 'upgrades-automatic',
    title: 'security upgrades are installed every day',
    requirements: ['FR4'],
    side: 'inside',
    next: up,
    looks: ['updates', 'services'],
    judge({ updates: { settings }, services }) {
      const periodic = ['APT::Periodic::Update-Package-Lists', 'APT::Periodic::Unattended-Upgrade'];
      const wrong = [
        ...periodic.filter((name) => settings[name] !== '1').map((name) => `${name} is ${settings[name] ?? 'not set'}`),
        ...(['unattended-upgrades.service', 'apt-daily.timer', 'apt-daily-upgrade.timer'] as const)
          .filter((name) => services[name].active !== 'active' || services[name].file !== 'enabled')
          .map((name) => `${name} is ${services[name].active}, ${services[name].file || 'not there'}`),
      ];
      return passUnless(wrong, 'lists and upgrades once a day, by timers that are active');
    },
  }),
  check({
    id: 'upgrades-recent',
    title: 'the lists of packages are no older than three days',
    requirements: ['FR4'],
    side: 'inside',
    next: '`apt-get update` on the host says why it reaches no mirror',
    looks: ['updates'],
    judge({ updates: { listsAt } }, { now }) {
      if (listsAt === null) return fail('the lists of packages were never fetched');
      const age = now.getTime() - listsAt.getTime();
      return (age <= 3 * day ? pass : fail)(`fetched ${listsAt.toISOString()}`);
    },
  }),
  check({
    id: 'upgrades-waiting',
    title: 'no security upgrade waits for longer than a day',
    requirements: ['FR4'],
    side: 'inside',
    next: '`unattended-upgrade -v` on the host says what holds them back',
    looks: ['updates', 'system'],
    judge({ updates: { security, upgradedAt }, system: { uptime } }, { now }) {
      if (security.length === 0) return pass('none waits');
      const list = `${security.length} wait: ${security.slice(0, 5).join(', ')}`;
      const since = Math.min(now.getTime() - (upgradedAt?.getTime() ?? 0), uptime);
      if (since > 3 * day) return fail(`${list}; no upgrade ran for ${Math.floor(since / day)} days`);
      return warn(list, 'they are installed within a day by themselves; `unattended-upgrade` on the host does it now');
    },
  }),
  check({
    id: 'upgrades-reboot',
    title: 'nothing that was upgraded waits for a reboot',
    requirements: ['FR4'],
    side: 'inside',
    next: 'reboot the host when it suits: everything comes back by itself',
    looks: ['system'],
    judge({ system: { rebootRequired, kernel, newestKernel, container } }) {
      const older = container === null && newestKernel !== null && newestKernel !== kernel;
      if (older) return warn(`the kernel ${kernel} runs, and ${newestKernel} is installed`);
      return rebootRequired ? warn('a package asks for a reboot') : pass(`kernel ${kernel}`);
    },
  }),
  check({
    id: 'disk-space',
    title: 'no disk is nearly full',
    requirements: ['FR15', 'NFR-6'],
    side: 'inside',
    next: 'docs/runbooks/disk.md says what may be removed',
    looks: ['disks'],
    judge({ disks }) {
      const tell = (some: typeof disks) => some.map(({ mount, used }) => `${mount} ${used} %`).join(', ');
      const over = (limit: number) => disks.filter(({ used }) => used >= limit);
      if (over(92).length > 0) return fail(tell(over(92)));
      return over(85).length > 0 ? warn(tell(over(85))) : pass(tell(disks));
    },
  }),
  check({
    id: 'disk-inodes',
    title: 'no file system is nearly out of inodes',
    requirements: ['FR15', 'NFR-6'],
    side: 'inside',
    next: 'find the directory with very many files: `du --inodes -x / | sort -n | tail`',
    looks: ['disks'],
    judge({ disks }) {
      const counted = disks.filter(({ usedInodes }) => usedInodes !== null);
      if (counted.length === 0) return skip('no file system here counts inodes');
      const tell = counted.map(({ mount, usedInodes }) => `${mount} ${usedInodes} %`).join(', ');
      return (counted.some(({ usedInodes }) => (usedInodes ?? 0) >= 90) ? fail : pass)(tell);
    },
  }),
  check({
    id: 'journal-limits',
    title: 'the journal is kept, and never fills the disk',
    requirements: ['FR15', 'FR27'],
    side: 'inside',
    next: 'see /etc/systemd/journald.conf.d on the host; then `socle up`',
    looks: ['journal'],
    judge({ journal }, { baseline }) {
      const wanted = Object.entries(baseline.journald);
      const wrong = wanted.filter(([key, value]) => journal[key] !== value);
      return passUnless(
        wrong.map(([key, value]) => `${key} is ${journal[key] ?? 'not set'}, not ${value}`),
        wanted.map(([key, value]) => `${key}=${value}`).join(' '),
      );
    },
  }),
];
