import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { start } from '../kernel/process.ts';
import { shellWord } from '../kernel/shell.ts';
import { makeControlGroups } from './control-groups.ts';
import type { Driver, Machine } from './driver.ts';
import { debianDirectory } from './image.ts';
import { seedKubernetes } from './kubernetes.ts';

/**
 * The command that boots a machine: an overlay over the image, in a mount and a PID namespace of its own (so that
 * nothing stays mounted or runs on after a crash), then systemd-nspawn with the machine's network namespace.
 * Its options are those under which WireGuard, nftables and a real K3s were seen to work.
 */
function nspawnCommand(machine: Machine, hostNamespace: number, groups: readonly string[]) {
  const at = (name: string) => join(machine.directory, name);
  const overlay = `lowerdir=${machine.image},upperdir=${at('upper')},workdir=${at('work')}`;
  const nspawn = [
    'systemd-nspawn',
    '--quiet',
    '--boot',
    `--directory=${at('root')}`,
    `--machine=${machine.name}`,
    `--hostname=${machine.name}`,
    '--register=no',
    '--keep-unit',
    '--capability=all',
    '--system-call-filter=@keyring bpf',
    `--network-namespace-path=${at('netns')}`,
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--console=pipe',
    '--bind=/dev/net/tun',
    // containerd keeps layers in an overlay of its own, which cannot lie on ours.
    `--bind=${at('rancher')}:/var/lib/rancher`,
  ];
  const script = [
    // The way to the network namespace goes through a /proc that the next line hides.
    `touch ${shellWord(at('netns'))}`,
    `mount --bind /proc/${hostNamespace}/ns/net ${shellWord(at('netns'))}`,
    'mount -t proc proc /proc',
    `mount -t overlay overlay -o ${shellWord(overlay)} ${shellWord(at('root'))}`,
    // What writes 0 is put there itself.
    ...groups.map((group) => `echo 0 > ${shellWord(join(group, 'cgroup.procs'))}`),
    `exec ${nspawn.map(shellWord).join(' ')}`,
  ].join(' && ');
  // A PID namespace around it all: systemd-nspawn's own child survives a kill -9 of systemd-nspawn.
  const unshare = ['unshare', '--pid', '--fork', '--kill-child=KILL', '--mount', '--propagation', 'private'];
  return { file: 'setpriv', args: ['--pdeathsig', 'KILL', ...unshare, 'sh', '-c', script] };
}

/** systemd-nspawn ends with this code when the machine asked for a reboot. */
const rebootExitCode = 133;

/** A Debian on the kernel that is there: boots in seconds, and needs root. */
export const nspawn: Driver = {
  tools: { 'systemd-nspawn': 'systemd-container' },
  port: 'veth',
  patience: async () => 60_000,
  image: debianDirectory,

  async prepare({ directory, kubernetes }) {
    for (const sub of ['work', 'root', 'rancher']) await mkdir(join(directory, sub), { recursive: true });
    if (kubernetes) await seedKubernetes(directory);
  },

  async run(machine, { host }, signal) {
    const { file, args } = nspawnCommand(machine, host, await makeControlGroups(machine.name));
    const console = createWriteStream(join(machine.directory, 'console.log'), { flags: 'a', mode: 0o600 });
    const env = { SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network' };
    const child = start(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout?.pipe(console, { end: false });
    child.stderr?.pipe(console, { end: false });
    // A throw-away machine needs no orderly shutdown.
    const kill = () => child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    if (signal.aborted) kill();
    const { exitCode } = await child.ended;
    signal.removeEventListener('abort', kill);
    console.end();
    return exitCode === rebootExitCode ? 'rebooted' : 'off';
  },
};
