#!/bin/bash
# What `socle up` is measured against: a script as one would write it by hand. As root on a bare Debian, in a directory
# with K3s, its images and its config.yaml, it installs the packages that it is given and K3s, and waits until the node,
# CoreDNS and the provisioner of volumes are ready. It prints how many milliseconds each part took.
set -euo pipefail

began=$EPOCHREALTIME
took() {
  echo "$1 $(((${EPOCHREALTIME/[.,]/} - ${began/[.,]/}) / 1000))"
  began=$EPOCHREALTIME
}

# Packages; PostgreSQL's without a server of its own, as Socle has it.
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/none.conf
apt-get -q -o DPkg::Lock::Timeout=120 update >&2
apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" >&2
took packages

# K3s.
install -m 755 k3s /usr/local/bin/k3s
install -D -m 600 config.yaml /etc/rancher/k3s/config.yaml
mkdir -p /var/lib/rancher/k3s/agent/images
mv images/* /var/lib/rancher/k3s/agent/images/
cat > /etc/systemd/system/k3s.service <<'END'
[Unit]
Description=K3s
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart=/usr/local/bin/k3s server
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --quiet --now k3s.service

ready() {
  k3s kubectl wait node --all --for=condition=Ready --timeout=0 &&
    for deployment in coredns local-path-provisioner; do
      k3s kubectl -n kube-system wait "deployment/$deployment" --for=jsonpath='{.status.availableReplicas}'=1 --timeout=0 || return 1
    done
}
tries=0
until ready > state 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then
    cat state >&2
    exit 1
  fi
  sleep 1
done
took k3s
