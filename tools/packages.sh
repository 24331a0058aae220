#!/bin/sh
# Installs the Debian packages that a target of the Makefile needs (as root), or names them.
#   tools/packages.sh use    what Socle itself runs: PostgreSQL, restic, bubblewrap
#   tools/packages.sh test   and what the tests talk to besides: a real sshd, a real REST server, network namespaces, wg, bindfs, sd_notify, apt repositories, PgBouncer
#   tools/packages.sh sandbox [nspawn|qemu]  what throw-away machines run on
#   tools/packages.sh long   all of that, and what the long tests ask such machines with
set -eu
if [ ! -r /etc/debian_version ]; then
  echo "socle: this needs Debian 12 or 13 (or a system with the same packages); there is no /etc/debian_version" >&2
  exit 69
fi
PATH="$PATH:/usr/sbin:/sbin"
need=""
want() { command -v "$1" >/dev/null 2>&1 || need="$need $2"; }
to_use() {
  ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || need="$need postgresql"
  want restic restic
  want bwrap bubblewrap
}
to_test() {
  want ssh openssh-client
  want sshd openssh-server
  want rclone rclone
  want ip iproute2
  want nft nftables
  want wg wireguard-tools
  want qrencode qrencode
  want bindfs bindfs
  want systemd-notify systemd
  want apt-ftparchive apt-utils
  want gpg gpg
  want pgbouncer pgbouncer
}
for_machines() {
  want mmdebstrap mmdebstrap
  if [ "$1" = qemu ]; then
    want qemu-system-x86_64 qemu-system-x86
    want qemu-img qemu-utils
    want mkfs.ext4 e2fsprogs
  else
    want systemd-nspawn systemd-container
  fi
  want slirp4netns slirp4netns
  want nft nftables
  want ip iproute2
  want ssh openssh-client
}
case ${1:-use} in
  use) to_use ;;
  test) to_use && to_test ;;
  sandbox) for_machines "${2:-nspawn}" ;;
  long)
    to_use && to_test && for_machines nspawn && for_machines qemu
    want wireguard-go wireguard-go
    want nmap nmap
    want curl curl
    ;;
  *) echo "socle: packages.sh knows use, test, sandbox and long, not $1" >&2 && exit 64 ;;
esac
# Each once, whoever wants it.
# shellcheck disable=SC2086
[ -z "$need" ] || need=$(printf ' %s\n' $need | sort -u | tr -d '\n')
[ -n "$need" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "socle: these Debian packages are missing:$need" >&2
  echo "socle: install them with" >&2
  echo "         sudo apt-get install --no-install-recommends$need" >&2
  echo "       (or run the same target once as root: it installs them and starts no service)" >&2
  exit 69
fi

echo "socle: installing the Debian packages$need" >&2
# Only the programs are wanted. Nothing that is installed here is started, now or at the next boot, and PostgreSQL's
# packages make no cluster: throw-away servers are started instead. What is changed for that is put back at the end.
no_cluster=/etc/postgresql-common/createcluster.d/socle-setup.conf
no_start=/usr/sbin/policy-rc.d
log=$(mktemp)
cleanup() {
  rm -f "$no_cluster" "$log"
  if [ -n "${our_policy:-}" ]; then rm -f "$no_start"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM
mkdir -p "$(dirname "$no_cluster")"
echo 'create_main_cluster = false' > "$no_cluster"
if [ ! -e "$no_start" ]; then
  our_policy=yes
  printf '#!/bin/sh\nexit 101\n' > "$no_start"
  chmod 755 "$no_start"
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends $need; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "socle: the packages could not be installed; the last lines of apt-get are above" >&2
  exit 69
fi
case " $need " in
  *" pgbouncer "*) systemctl disable --quiet pgbouncer.service >/dev/null 2>&1 || true ;;
esac
case " $need " in
  *" openssh-server "*) systemctl disable --quiet ssh.service ssh.socket >/dev/null 2>&1 || true ;;
esac
