#!/bin/sh
# enter-root.sh ROOT USER SCRIPT: runs SCRIPT in a freshly unpacked Debian as if it were a machine of its own: own mounts,
# own processes, own /dev, /run and /tmp; the network is the machine's. When the caller dies, so does everything in it,
# and the kernel takes the mounts away with the last process.
set -eu
exec unshare --mount --pid --uts --ipc --fork --kill-child --propagation private -- sh -euc '
root=$1 user=$2 script=$3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${n%%:*}" "$root/dev/${n#*:}"; done
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
cp /etc/resolv.conf "$root/etc/resolv.conf"
hostname fresh
cd "$root"
mkdir -p .old
pivot_root . .old
cd /
umount -l /.old
rmdir /.old
if [ "$user" = root ]; then
  exec env -u LC_ALL HOME=/root USER=root LOGNAME=root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash -c "cd; $script"
fi
exec setpriv --reuid "$user" --regid "$user" --init-groups \
  env -u LC_ALL HOME="/home/$user" USER="$user" LOGNAME="$user" PATH=/usr/local/bin:/usr/bin:/bin bash -c "cd; $script"
' sh "$@"
