#!/bin/sh
# Installs the Debian packages that the targets of the Makefile need (as root), or names them.
set -eu
[ -r /etc/debian_version ] || { echo "socle: needs Debian 12 or 13" >&2; exit 69; }
need=""
want() { command -v "$1" >/dev/null 2>&1 || [ -x "$1" ] || need="$need $2"; }
want restic restic
want bwrap bubblewrap
want setpriv util-linux
want sshd openssh-server
want ssh openssh-client
want rclone rclone
want locale-gen locales
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || need="$need postgresql postgresql-contrib"
[ -n "$need" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "socle: these Debian packages are missing:$need" >&2
  echo "socle: install them with: sudo apt-get install --no-install-recommends$need" >&2
  exit 69
fi
echo "installing$need" >&2
# No cluster of Debian's own: the tests and the demo start throw-away servers.
mkdir -p /etc/postgresql-common/createcluster.d
[ -e /etc/postgresql-common/createcluster.d/socle.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/socle.conf
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
# shellcheck disable=SC2086
apt-get install -y -q --no-install-recommends $need >/dev/null
