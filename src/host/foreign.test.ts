import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ForeignDrift, foreignDrifts } from '../../test/support/foreign-drifts.ts';
import { platform } from '../../test/support/verified-host.ts';
import { run } from '../kernel/process.ts';
import { type Foreign, foreignProgram, foreignWanted, parseForeign } from './foreign.ts';

/**
 * The program on this machine, with its own programs (sshd, sudo, apt, modprobe, nft …), in namespaces of its own where
 * files of the system can be changed and nobody else sees it. There is no systemd that runs: those cases are shown on the
 * throw-away machine (test/e2e/drift.long.test.ts).
 */
const tools = ['sshd', 'nft', 'cvtsudoers', 'modprobe', 'systemd-analyze', 'apt-config', 'ssh-keygen'];
const installed = (tool: string) => ['/usr/bin', '/usr/sbin', '/sbin'].some((place) => existsSync(join(place, tool)));
const missing = tools.filter((tool) => !installed(tool));
const why = userInfo().uid !== 0 ? '(needs root)' : missing.length > 0 ? `(SKIPPED: there is no ${missing})` : '';

const systemctl = `#!/bin/sh
case "$*" in
  *UnitPath*) echo /etc/systemd/system /run/systemd/system /usr/lib/systemd/system ;;
  *show-environment*) echo LANG=C.UTF-8 ;;
  *MainPID*) echo 0 ;;
  *show*) while [ "$1" != -- ]; do shift; done; shift
    for unit in "$@"; do printf 'Id=%s\\nLoadState=not-found\\nFragmentPath=\\nDropInPaths=\\n\\n' "$unit"; done ;;
esac
`;

/** What our roles write, so that something can win over it. */
const own = `
mkdir -p /run/sshd /etc/ssh/sshd_config.d /etc/sudoers.d /etc/modprobe.d /etc/sysctl.d /etc/socle /etc/security/limits.d
: > /etc/ssh/sshd_config.d/10-socle.conf
printf '%s\\n' 'Include /etc/ssh/sshd_config.d/*.conf' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' \\
  'PermitRootLogin prohibit-password' 'AllowTcpForwarding local' 'AllowAgentForwarding no' 'X11Forwarding no' > /etc/ssh/sshd_config
rm -f /etc/sudoers.d/*; cp "$ROLES/baseline/templates/sudoers.j2" /etc/sudoers.d/10-socle; chmod 440 /etc/sudoers.d/10-socle
for name in dccp sctp; do echo "install $name /bin/false"; done > /etc/modprobe.d/socle.conf
rm -f /etc/apt/apt.conf.d/*; cp "$ROLES/baseline/templates/unattended-upgrades.j2" /etc/apt/apt.conf.d/52socle
cp "$ROLES/baseline/templates/limits.conf.j2" /etc/security/limits.d/60-socle.conf
rm -f /root/.ssh/authorized_keys
`;

describe.skipIf(why !== '')(`what is not ours ${why}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'socle-foreign-'));
    await run('mkdir', ['-p', join(directory, 'bin')]);
    await writeFile(join(directory, 'bin/systemctl'), systemctl, { mode: 0o755 });
    await writeFile(join(directory, 'look.py'), foreignProgram());
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** Every line that `change` made the program print. */
  async function found(change: string, of = platform, before = ''): Promise<Foreign[]> {
    const script = `set -eu
mount -t tmpfs tmpfs ${directory}/mnt
for place in /etc /usr/lib/systemd /var/backups /root /run /var/lib; do
  name=$(echo "$place" | tr / _)
  mkdir -p ${directory}/mnt/$name.u ${directory}/mnt/$name.w
  mount -t overlay overlay -o "lowerdir=$place,upperdir=${directory}/mnt/$name.u,workdir=${directory}/mnt/$name.w" "$place"
done
${own}
${before}
look() { /usr/bin/python3 ${directory}/look.py "$1"; }
look remember > /dev/null
look look > ${directory}/mnt/before
${change}
look look > ${directory}/mnt/after
grep $'^foreign\tlook\t' ${directory}/mnt/before || true
grep -vxFf ${directory}/mnt/before ${directory}/mnt/after || true`;
    await run('mkdir', ['-p', join(directory, 'mnt')]);
    const env = {
      SOCLE_WANTED: JSON.stringify(foreignWanted(of)),
      ROLES: new URL('../../ansible/roles', import.meta.url).pathname,
      PATH: `${directory}/bin:${process.env.PATH}:/usr/sbin:/sbin`,
    };
    const { stdout } = await run('unshare', ['--mount', '--net', 'bash', '-c', script], { env });
    return parseForeign(stdout);
  }

  const here = foreignDrifts.filter(({ needs }) => needs !== 'systemd');
  test.each(here.map((one) => [one.what, one] as const))('%s', async (_, { by, told: [kind, part] }: ForeignDrift) => {
    const lines = await found(by);
    expect(lines.filter(({ what }) => what === kind).map(({ where, found: is }) => `${where}: ${is}`)).toEqual(
      expect.arrayContaining([expect.stringContaining(part)]),
    );
    expect(lines.filter(({ what }) => what === 'look')).toEqual([]);
  });
});
