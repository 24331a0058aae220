import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * What K3s itself has to be told on a machine that shares our kernel, by whoever installs it, as `cluster.k3s.config`
 * takes it; a real host has none of these.
 */
export const k3sExceptions = {
  'protect-kernel-defaults': false,
  'flannel-backend': 'host-gw',
  'kubelet-arg+': ['fail-cgroupv1=false', 'cgroup-driver=cgroupfs'],
};

/** Under `host.known_files`, the file that such a machine has for containerd and Socle did not write. */
export const k3sKnownFiles = ['/var/lib/rancher/k3s/agent/etc/containerd/config-v3.toml.d/10-sandbox.toml'];

/**
 * What a kubelet and containerd need of a machine that shares our kernel: cgroup hierarchies that can be written to, a
 * `/dev/kmsg`, and four sysctls that the kubelet writes, which are ordinary files here: they say nothing about a real
 * host. `/dev/kmsg` is an empty device of its own, and no link to `/dev/null`: a unit with `ProtectKernelLogs` would be
 * kept from that, too.
 */
const script = `#!/bin/sh
set -eu
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if [ ! -h "$hierarchy" ] && mountpoint -q "$hierarchy"; then mount -o remount,rw,bind "$hierarchy" || true; fi
done
[ -e /dev/kmsg ] || mknod -m 666 /dev/kmsg c 1 3
mkdir -p /run/sandbox-sysctl
for setting in kernel/panic=10 kernel/panic_on_oops=1 vm/overcommit_memory=1 vm/panic_on_oom=0; do
  name=\${setting%=*}
  file=/run/sandbox-sysctl/$(echo "$name" | tr / .)
  echo "\${setting#*=}" > "$file"
  mount --bind "$file" "/proc/sys/$name"
done
`;

const unit = `[Unit]
Description=What Kubernetes needs of a throw-away machine
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target systemd-sysctl.service k3s.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/sandbox-kubernetes
`;

/** These machines have no CAP_SYS_RESOURCE. */
const containerd = `[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
`;

/** Puts it into a machine that has not booted yet. */
export async function seedKubernetes(directory: string): Promise<void> {
  const write = async (path: string, content: string, mode: number) => {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content, { mode });
  };
  await write('upper/usr/local/sbin/sandbox-kubernetes', script, 0o755);
  await write('upper/etc/systemd/system/sandbox-kubernetes.service', unit, 0o644);
  await write('rancher/k3s/agent/etc/containerd/config-v3.toml.d/10-sandbox.toml', containerd, 0o600);
  const wants = join(directory, 'upper/etc/systemd/system/sysinit.target.wants');
  await mkdir(wants, { recursive: true });
  await symlink('../sandbox-kubernetes.service', join(wants, 'sandbox-kubernetes.service'));
}
