import type { checks } from '../../src/governance/verify/registry.ts';

/** Something that a person or a program put on a host, and that wins over what Socle wrote there, or adds to it. */
export interface ForeignDrift {
  readonly what: string;
  /** As root, with sh. */
  readonly by: string;
  readonly undo: string;
  /** The kind of the finding, and a part of where it is or of what was found. */
  readonly told: readonly [kind: string, part: string];
  /** The check of `socle verify` that is red. */
  readonly check: (typeof checks)[number]['id'];
  /** It needs a running systemd, or a platform with a cluster. */
  readonly needs?: 'systemd' | 'cluster';
}

const file = (path: string, ...lines: readonly string[]) => ({
  by: `mkdir -p "$(dirname ${path})"; printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} > ${path}`,
  undo: `rm ${path}; rmdir "$(dirname ${path})" 2>/dev/null || true`,
});
/** All of them can be there at once: each is in a file of its own. */
let others = 0;
const sshd = (...lines: readonly string[]) => file(`/etc/ssh/sshd_config.d/9${others++}-other.conf`, ...lines);
const apt = (...lines: readonly string[]) => file(`/etc/apt/apt.conf.d/99other${others++}`, ...lines);
const keysElsewhere = sshd('AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 /etc/ssh/keys/%u');
const root = ['[Service]', 'User=root'] as const;

/** A key of nobody: its private half was thrown away. */
export const strangersKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIc+ILEapaDfs0l2mFW+dD76AQakqPYQoVfUPq6kiJUG mallory';
const strangersPrint = 'SHA256:ZMNoNq9PR1HsmEhVDaHNNfbeBnP+jpG87eiZ2SGoDD0';

const units: readonly ForeignDrift[] = [
  ...(['/etc', '/run', '/usr/lib'] as const).map((place): ForeignDrift => {
    const path = `${place}/systemd/system/socle.service.d/10-root.conf`;
    return {
      what: `a drop-in of ours in ${place}`,
      ...file(path, ...root),
      told: ['drop-in', path],
      check: 'units-alone',
    };
  }),
  {
    what: 'a drop-in for every service',
    ...file('/etc/systemd/system/service.d/10-all.conf', ...root),
    told: ['drop-in', 'service.d/10-all.conf'],
    check: 'units-alone',
  },
  {
    what: 'a drop-in for every unit whose name begins like ours',
    ...file('/etc/systemd/system/socle-.service.d/10-some.conf', ...root),
    told: ['drop-in', 'socle-.service.d/10-some.conf'],
    check: 'units-alone',
  },
  {
    what: 'a drop-in of a unit that is a template',
    ...file('/etc/systemd/system/socle-drill@.service.d/x.conf', ...root),
    told: ['drop-in', 'socle-drill@.service.d/x.conf'],
    check: 'units-alone',
  },
  {
    what: 'another command of Debian’s sshd',
    ...file(
      '/etc/systemd/system/ssh.service.d/x.conf',
      '[Service]',
      'ExecStart=',
      'ExecStart=/usr/sbin/sshd -D -o PermitRootLogin=yes',
    ),
    told: ['drop-in', 'ssh.service.d/x.conf'],
    check: 'units-alone',
  },
  {
    what: 'another file of a unit of Debian',
    by: 'cp /usr/lib/systemd/system/apt-daily-upgrade.service /etc/systemd/system/; systemctl daemon-reload',
    undo: 'rm /etc/systemd/system/apt-daily-upgrade.service; systemctl daemon-reload',
    told: ['unit', '/etc/systemd/system/apt-daily-upgrade.service'],
    check: 'units-alone',
    needs: 'systemd',
  },
  {
    what: 'a property that was set at run time',
    by: 'systemctl set-property --runtime socle-firewall.service MemoryMax=64M',
    undo: 'systemctl revert socle-firewall.service; systemctl daemon-reload',
    told: ['drop-in', 'socle-firewall.service.d'],
    check: 'units-alone',
    needs: 'systemd',
  },
  {
    what: 'a variable of every unit',
    by: 'systemctl set-environment NODE_OPTIONS=--require=/tmp/x.js',
    undo: 'systemctl unset-environment NODE_OPTIONS',
    told: ['environment', 'NODE_OPTIONS'],
    check: 'units-alone',
    needs: 'systemd',
  },
  {
    what: 'a library in every program',
    by: 'echo /lib/x.so > /etc/ld.so.preload',
    undo: 'rm /etc/ld.so.preload',
    told: ['environment', '/lib/x.so'],
    check: 'units-alone',
  },
];

const key = `printf '%s\\n' '${strangersKey}'`;

const access: readonly ForeignDrift[] = [
  {
    what: 'a key for root',
    by: `mkdir -p -m 700 /root/.ssh; ${key} >> /root/.ssh/authorized_keys`,
    undo: 'sed -i "/mallory/d" /root/.ssh/authorized_keys',
    told: ['SSH key', `${strangersPrint} mallory opens root`],
    check: 'accounts-keys',
  },
  {
    what: 'a key for an account of the system',
    by: `mkdir -p /var/backups/.ssh; ${key} > /var/backups/.ssh/authorized_keys2`,
    undo: 'rm -r /var/backups/.ssh',
    told: ['SSH key', '/var/backups/.ssh/authorized_keys2'],
    check: 'accounts-keys',
  },
  {
    what: 'keys in another place',
    by: `${keysElsewhere.by}; mkdir -p /etc/ssh/keys; ${key} > /etc/ssh/keys/root`,
    undo: `${keysElsewhere.undo}; rm -r /etc/ssh/keys`,
    told: ['SSH key', '/etc/ssh/keys/root'],
    check: 'accounts-keys',
  },
  {
    what: 'keys that a program gives',
    ...sshd('AuthorizedKeysCommand /usr/bin/cat /tmp/keys', 'AuthorizedKeysCommandUser nobody'),
    told: ['sshd', 'authorizedkeyscommand'],
    check: 'ssh-settings',
  },
  {
    what: 'an authority whose keys come in',
    ...sshd('TrustedUserCAKeys /etc/ssh/ssh_host_ed25519_key.pub'),
    told: ['sshd', 'trustedusercakeys'],
    check: 'ssh-settings',
  },
  {
    what: 'a Match block for one address',
    ...sshd('Match Address 192.0.2.0/24,!192.0.2.1', '  PasswordAuthentication yes'),
    told: ['sshd', 'passwordauthentication for host=public.example,addr=192.0.2.0'],
    check: 'ssh-settings',
  },
  {
    what: 'a Match block for a group',
    ...sshd('Match Group daemon', '  AllowTcpForwarding yes'),
    told: ['sshd', 'allowtcpforwarding'],
    check: 'ssh-settings',
  },
  {
    what: 'a file of sudoers',
    by: `${file('/etc/sudoers.d/zz-other', 'games ALL=(ALL) NOPASSWD: /bin/sh').by}; chmod 440 /etc/sudoers.d/zz-other`,
    undo: 'rm /etc/sudoers.d/zz-other',
    told: ['sudo rule', 'games: NOPASSWD: /bin/sh'],
    check: 'accounts-sudo',
  },
  {
    what: 'a setting of sudo that is read after ours',
    by: `${file('/etc/sudoers.d/zz-settings', 'Defaults !use_pty', 'Defaults:games !authenticate').by}; chmod 440 /etc/sudoers.d/zz-settings`,
    undo: 'rm /etc/sudoers.d/zz-settings',
    told: ['sudo setting', 'use_pty'],
    check: 'accounts-sudo',
  },
  {
    what: 'somebody in the group sudo',
    by: 'usermod -aG sudo games',
    undo: 'gpasswd -d games sudo',
    told: ['sudo rule', 'games in the group sudo'],
    check: 'accounts-sudo',
  },
];

const settings: readonly ForeignDrift[] = [
  {
    what: 'a file of sysctl.d that is read after ours',
    ...file('/etc/sysctl.d/99-zzz.conf', 'net/ipv4/conf/all/accept_redirects = 1'),
    told: ['kernel setting at boot', '/etc/sysctl.d/99-zzz.conf'],
    check: 'settings-alone',
  },
  {
    what: 'a file of modprobe.d that is read before ours',
    ...file('/etc/modprobe.d/aaa.conf', 'install dccp /sbin/modprobe --ignore-install dccp'),
    told: ['kernel module setting', 'install dccp'],
    check: 'settings-alone',
  },
  {
    what: 'a module of ours that is forbidden',
    ...file('/etc/modprobe.d/zzz.conf', 'blacklist wireguard'),
    told: ['kernel module setting', 'wireguard'],
    check: 'settings-alone',
  },
  {
    what: 'apt that does nothing by itself',
    ...apt('APT::Periodic::Enable "0";'),
    told: ['apt setting', 'APT::Periodic::Enable'],
    check: 'settings-alone',
  },
  {
    what: 'a package that is never upgraded, and a reboot by itself',
    ...apt('Unattended-Upgrade::Package-Blacklist { "openssl"; };', 'Unattended-Upgrade::Automatic-Reboot "true";'),
    told: ['apt setting', 'openssl'],
    check: 'settings-alone',
  },
  {
    what: 'packages that nobody signed',
    ...apt('APT { Get { AllowUnauthenticated "true"; }; };'),
    told: ['apt setting', 'APT::Get::AllowUnauthenticated'],
    check: 'settings-alone',
  },
  {
    what: 'a journal without a limit',
    ...file('/etc/systemd/journald.conf.d/99-other.conf', '[Journal]', 'SystemMaxUse=90G'),
    told: ['systemd setting', '/etc/systemd/journald.conf.d/99-other.conf'],
    check: 'settings-alone',
  },
  {
    what: 'a line of tmpfiles.d about a directory of ours',
    ...file('/etc/tmpfiles.d/aaa.conf', 'z /etc/socle 0777 root root'),
    told: ['temporary file', '/etc/tmpfiles.d/aaa.conf'],
    check: 'settings-alone',
  },
  {
    what: 'limits that are read after ours',
    ...file('/etc/security/limits.d/99-other.conf', '* hard core unlimited'),
    told: ['login limit', '* hard core unlimited'],
    check: 'settings-alone',
  },
  {
    what: 'a umask that lets everybody write',
    by: 'echo "session optional pam_umask.so umask=000" >> /etc/pam.d/sshd',
    undo: 'sed -i "/umask=000/d" /etc/pam.d/sshd',
    told: ['login', 'umask=000'],
    check: 'settings-alone',
  },
  {
    what: 'log-ins without a password',
    by: 'sed -i "1i auth sufficient pam_permit.so" /etc/pam.d/common-auth',
    undo: 'sed -i 1d /etc/pam.d/common-auth',
    told: ['login', 'pam_permit.so'],
    check: 'settings-alone',
  },
  {
    what: 'a second table of nftables',
    by: 'nft add table inet other',
    undo: 'nft delete table inet other',
    told: ['nft table', 'inet other'],
    check: 'firewall-alone',
  },
  {
    what: 'a table that translates before our filter sees it',
    by: 'nft add table ip door; nft add chain ip door in "{ type nat hook prerouting priority -160; }"',
    undo: 'nft delete table ip door',
    told: ['nft table', 'ip door'],
    check: 'firewall-alone',
  },
];

const cluster: readonly ForeignDrift[] = [
  {
    what: 'a file that K3s reads after ours',
    ...file('/etc/rancher/k3s/config.yaml.d/99-other.yaml', 'kube-apiserver-arg+: [anonymous-auth=true]'),
    told: ['K3s configuration', '/etc/rancher/k3s/config.yaml.d/99-other.yaml'],
    check: 'k3s-alone',
    needs: 'cluster',
  },
  {
    what: 'registries of somebody else',
    ...file('/etc/rancher/k3s/registries.yaml', 'mirrors: {docker.io: {endpoint: ["https://registry.example"]}}'),
    told: ['K3s configuration', '/etc/rancher/k3s/registries.yaml'],
    check: 'k3s-alone',
    needs: 'cluster',
  },
  {
    what: 'objects that K3s makes by itself',
    ...file('/var/lib/rancher/k3s/server/manifests/other.yaml', '# nothing yet'),
    told: ['K3s configuration', '/var/lib/rancher/k3s/server/manifests/other.yaml'],
    check: 'k3s-alone',
    needs: 'cluster',
  },
];

export const foreignDrifts: readonly ForeignDrift[] = [...units, ...access, ...settings, ...cluster];
